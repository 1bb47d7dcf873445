//! How the app is reached.

use url::Url;

use super::reader::Reader;

/// The settings of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// `PublicBaseUrl`: the address under which clients reach the functions, up to and with the route prefix and
    /// without a slash at the end. `None`: as in the request that is answered.
    pub public_base_url: Option<String>,
}

impl HttpSettings {
    pub(super) fn read(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<Self> {
        let public_base_url =
            reader.optional("PublicBaseUrl", "https://api.example.com/api", base_url);
        Some(Self { public_base_url })
    }
}

fn base_url(text: &str) -> Result<String, &'static str> {
    let expected = "expected an absolute http or https URL without query and fragment";
    let url = Url::parse(text).map_err(|_| expected)?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if plain {
        Ok(url.as_str().trim_end_matches('/').to_owned())
    } else {
        Err(expected)
    }
}
