//! Enumerations with wire names and stored numbers, and the credential types and providers.

macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$vdoc:meta])* $variant:ident = $code:literal => $text:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// All values, in the order of the API documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name on the wire and in the database.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The value with the name `text`.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }

            /// The number that seals and digests bind. It is stored, so it is never reused or
            /// changed.
            #[must_use]
            pub fn code(self) -> u8 {
                match self { $(Self::$variant => $code,)+ }
            }

            /// All names, for messages: `a, b or c`.
            #[must_use]
            pub fn choices() -> String {
                let names: Vec<_> = Self::ALL.iter().map(|value| value.as_str()).collect();
                match names.split_last() {
                    Some((last, rest)) if !rest.is_empty() => {
                        format!("{} or {last}", rest.join(", "))
                    }
                    _ => names.concat(),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&name).ok_or_else(|| serde::de::Error::custom("an unknown name"))
            }
        }
    };
}
pub(crate) use wire_enum;

wire_enum! {
    /// The company that issued a credential.
    Provider {
        /// Google.
        Google = 1 => "google",
        /// Onfido.
        Onfido = 2 => "onfido",
        /// Shopify.
        Shopify = 3 => "shopify",
        /// Any other issuer.
        Generic = 4 => "generic",
    }
}

wire_enum! {
    /// The kind of secret in a credential.
    CredentialType {
        /// One API key.
        ApiKey = 1 => "api_key",
        /// An OAuth 2.0 client id and secret.
        ClientCredentials = 2 => "client_credentials",
        /// A user name and password.
        UserPass = 3 => "user_pass",
        /// An API id and its key.
        ApiIdAccess = 4 => "api_id_access",
        /// An access token.
        AccessToken = 5 => "access_token",
        /// A JSON credentials file, such as that of a service account.
        JsonCredentials = 6 => "json_credentials",
    }
}
