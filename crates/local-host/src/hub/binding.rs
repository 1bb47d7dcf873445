//! The value of a `durableClient` input binding.

use serde::Serialize;

use super::Extension;

/// The members in the order in which extension 3.x writes them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientBinding<'a> {
    task_hub_name: &'a str,
    connection_name: Option<&'a str>,
    creation_urls: Option<()>,
    management_urls: Option<()>,
    base_url: Option<()>,
    required_query_string_parameters: String,
    rpc_base_url: String,
    http_base_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    use_forwarded_host: Option<bool>,
    max_grpc_message_size_in_bytes: u32,
    grpc_http_client_timeout: &'static str,
}

/// The JSON text of the binding. `connection` is null when the binding names none: a real host does not fill
/// in its default.
pub(super) fn client_binding(
    task_hub: &str,
    connection: Option<&str>,
    key: &str,
    rpc_address: std::net::SocketAddr,
    base_url: &str,
    extension: Extension,
) -> String {
    let binding = ClientBinding {
        task_hub_name: task_hub,
        connection_name: connection,
        creation_urls: None,
        management_urls: None,
        base_url: None,
        required_query_string_parameters: format!("code={key}"),
        rpc_base_url: format!("http://{rpc_address}"),
        http_base_url: format!(
            "{}/runtime/webhooks/durabletask",
            base_url.trim_end_matches('/')
        ),
        // `httpSettings.useForwardedHost` of host.json, by default.
        use_forwarded_host: (extension >= Extension::V3_19).then_some(false),
        max_grpc_message_size_in_bytes: 4_194_304,
        // A string that itself holds JSON, as a real host writes it: 100 seconds.
        grpc_http_client_timeout: "\"00:01:40\"",
    };
    // Strings and numbers always serialise.
    serde_json::to_string(&binding).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Extension;

    #[test]
    fn the_text_is_the_one_of_a_real_host() {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 40001));
        for (extension, added) in [
            (Extension::V3_14, ""),
            (Extension::V3_19, r#""useForwardedHost":false,"#),
        ] {
            assert_eq!(
                super::client_binding(
                    "MyHub",
                    None,
                    "SYSTEM_KEY",
                    address,
                    "http://localhost:7071/",
                    extension,
                ),
                [
                    r#"{"taskHubName":"MyHub","connectionName":null,"creationUrls":null,"managementUrls":null,"baseUrl":null,"requiredQueryStringParameters":"code=SYSTEM_KEY","rpcBaseUrl":"http://127.0.0.1:40001","httpBaseUrl":"http://localhost:7071/runtime/webhooks/durabletask","#,
                    added,
                    r#""maxGrpcMessageSizeInBytes":4194304,"grpcHttpClientTimeout":"\"00:01:40\""}"#,
                ]
                .concat()
            );
        }
    }
}
