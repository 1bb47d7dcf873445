//! The value of a `durableClient` binding.

use serde::Deserialize;

use super::ClientError;

/// What the client needs of the binding. Members are read by name and unknown ones are ignored:
/// every version of the extension adds some.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    rpc_base_url: Option<String>,
    task_hub_name: Option<String>,
    connection_name: Option<String>,
    http_base_url: Option<String>,
    /// In place of `httpBaseUrl` in early versions.
    base_url: Option<String>,
    required_query_string_parameters: Option<String>,
}

/// It shows itself nowhere, because `query` holds a key.
pub(super) struct Binding {
    pub(super) rpc_base_url: String,
    pub(super) task_hub: Option<String>,
    pub(super) connection: Option<String>,
    pub(super) http_base_url: Option<String>,
    /// `code=…`
    pub(super) query: Option<String>,
}

impl Binding {
    pub(super) fn parse(json: &str) -> Result<Self, ClientError> {
        // The text of a JSON error can quote the value, and the value holds a key.
        let wire: Wire = serde_json::from_str(json).map_err(|_| ClientError::InvalidBinding {
            reason: "it is not a JSON object",
        })?;
        let present = |value: Option<String>| value.filter(|value| !value.is_empty());
        Ok(Binding {
            rpc_base_url: present(wire.rpc_base_url).ok_or(ClientError::InvalidBinding {
                reason: "it has no rpcBaseUrl; FUNCTIONS_WORKER_RUNTIME must be 'custom' for the \
                         extension to serve gRPC",
            })?,
            task_hub: present(wire.task_hub_name),
            connection: present(wire.connection_name),
            http_base_url: present(wire.http_base_url).or(present(wire.base_url)),
            query: present(wire.required_query_string_parameters),
        })
    }
}
