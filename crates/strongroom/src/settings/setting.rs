//! A setting: its names, its default, the parser of its text, and its description.

/// A setting's name in the TOML file. The flag and the variable are made from it.
pub(crate) type Key = &'static str;

/// One setting, with values of type `T`. Made by [`Setting::new`] and the methods below it.
pub(crate) struct Setting<T> {
    row: Row,
    unset: Unset<T>,
    parse: Parser<T>,
}

/// Reads a value's text. The error says what a value looks like.
type Parser<T> = fn(&str) -> Result<T, String>;

/// The value of a setting that is not set.
enum Unset<T> {
    Text(&'static str),
    Computed(fn() -> T),
    /// There is none. The text says how to set it.
    Required(&'static str),
}

/// The part of a setting that does not depend on the type of its values.
pub(crate) struct Row {
    pub(crate) key: Key,
    /// The heading in the documentation.
    pub(crate) section: &'static str,
    pub(crate) flag: Option<Flag>,
    /// Whether values are left out of errors.
    pub(crate) secret: bool,
    /// The default as documents show it.
    pub(crate) default: Option<&'static str>,
    pub(crate) what: &'static str,
    /// A section of the documentation, relative to `docs/`.
    pub(crate) see: Option<&'static str>,
    /// The key of earlier versions, which is refused.
    pub(crate) former: Option<Key>,
    /// Variables of other programs, read last and in this order.
    pub(crate) fallbacks: &'static [&'static str],
}

/// The flag of a setting.
pub(crate) struct Flag {
    /// The name of the value in `--help`.
    pub(crate) value: &'static str,
    pub(crate) commands: Commands,
}

/// The commands that have a flag, beside `serve` and `doctor`, which have all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commands {
    Serve,
    /// `strongroom region list`.
    Regions,
    /// Commands that open the vault.
    Vault,
    /// Commands that use the database.
    Database,
}

impl<T> Setting<T> {
    pub(crate) const fn new(key: Key, parse: Parser<T>) -> Self {
        let row = Row {
            key,
            section: "",
            flag: None,
            secret: false,
            default: None,
            what: "",
            see: None,
            former: None,
            fallbacks: &[],
        };
        let unset = Unset::Required("");
        Self { row, unset, parse }
    }

    /// Gives `serve` and `doctor` a flag; `value` is the name of the value in `--help`.
    pub(crate) const fn flag(self, value: &'static str) -> Self {
        self.flag_of(Commands::Serve, value)
    }

    /// As [`Self::flag`], and to further commands.
    pub(crate) const fn flag_of(mut self, commands: Commands, value: &'static str) -> Self {
        self.row.flag = Some(Flag { value, commands });
        self
    }

    /// The text of the value when nothing else is set.
    pub(crate) const fn default(mut self, text: &'static str) -> Self {
        self.row.default = Some(text);
        self.unset = Unset::Text(text);
        self
    }

    /// A default without a text; documents show `shown`.
    pub(crate) const fn default_fn(mut self, shown: &'static str, value: fn() -> T) -> Self {
        self.row.default = Some(shown);
        self.unset = Unset::Computed(value);
        self
    }

    /// There is no default; `hint` says how to set it.
    pub(crate) const fn required(mut self, hint: &'static str) -> Self {
        self.unset = Unset::Required(hint);
        self
    }

    /// Leaves values out of errors. Without a flag, the value is key material: a file that
    /// contains it must not be readable by others.
    pub(crate) const fn secret(mut self) -> Self {
        self.row.secret = true;
        self
    }

    /// Refuses the key of earlier versions, with a message that names this one.
    pub(crate) const fn formerly(mut self, key: Key) -> Self {
        self.row.former = Some(key);
        self
    }

    /// Reads these variables last, in this order.
    pub(crate) const fn fallbacks(mut self, variables: &'static [&'static str]) -> Self {
        self.row.fallbacks = variables;
        self
    }

    /// The description, for `--help` and `docs/configuration.md`: sentences with their periods.
    pub(crate) const fn what(mut self, what: &'static str) -> Self {
        self.row.what = what;
        self
    }

    /// A section of the documentation with more about it.
    pub(crate) const fn see(mut self, section: &'static str) -> Self {
        self.row.see = Some(section);
        self
    }

    pub(super) const fn within(mut self, section: &'static str) -> Self {
        self.row.section = section;
        self
    }

    /// The value that `text` stands for.
    pub(super) fn parse(&self, text: &str) -> Result<T, String> {
        (self.parse)(text)
    }

    /// The value when nothing is set.
    pub(super) fn unset(&self) -> Result<T, String> {
        match self.unset {
            Unset::Text(text) => self.parse(text),
            Unset::Computed(value) => Ok(value()),
            Unset::Required(hint) => Err(hint.to_owned()),
        }
    }

    pub(super) fn key(&self) -> Key {
        self.row.key
    }

    pub(super) fn row(&self) -> &Row {
        &self.row
    }
}

impl<T> Setting<Option<T>> {
    /// May be left out; documents show `shown` as its default.
    pub(crate) const fn optional(self, shown: &'static str) -> Self {
        self.default_fn(shown, || None)
    }
}

impl Row {
    /// The flag's name without its dashes.
    pub(super) fn flag_name(&self) -> String {
        flag_name(self.key)
    }

    pub(super) fn variable(&self) -> String {
        variable(self.key)
    }

    /// Whether a file that contains it must be private to its owner.
    pub(super) fn is_key_material(&self) -> bool {
        self.secret && self.flag.is_none()
    }
}

/// The name of the flag for `key`, without its dashes.
pub(super) fn flag_name(key: Key) -> String {
    key.replace('_', "-")
}

/// What all variables of settings begin with.
pub(super) const PREFIX: &str = "STRONGROOM_";

/// The name of the variable for `key`.
pub(super) fn variable(key: Key) -> String {
    format!("{PREFIX}{}", key.to_uppercase())
}

/// A setting whatever its type.
pub(crate) trait AnySetting: Sync {
    fn row(&self) -> &Row;

    /// Whether `text` can be read as a value; the error says what a value looks like.
    fn check(&self, text: &str) -> Result<(), String>;

    /// Whether there is a value when nothing is set.
    fn has_default(&self) -> bool;
}

impl<T> AnySetting for Setting<T> {
    fn row(&self) -> &Row {
        &self.row
    }

    fn check(&self, text: &str) -> Result<(), String> {
        self.parse(text).map(drop)
    }

    fn has_default(&self) -> bool {
        self.unset().is_ok()
    }
}

/// Makes a static of each setting, and `ALL` of the file.
macro_rules! settings {
    ($($section:expr => { $($name:ident: $type:ty = $setting:expr;)* })*) => {
        $($(pub(in crate::settings) static $name: Setting<$type> = $setting.within($section);)*)*

        pub(super) static ALL: &[&dyn AnySetting] = &[$($(&$name),*),*];
    };
}
pub(in crate::settings) use settings;
