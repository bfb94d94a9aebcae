//! The flags of the settings, made from the table.

use std::fmt;
use std::marker::PhantomData;

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::settings::setting::{Commands, Flag, Key, Row, flag_name};
use crate::settings::table::{DATABASE_URL, DATABASE_URL_FILE, all};

/// Flags of a command that only uses the database.
pub(crate) type DatabaseArgs = SettingArgs<ForDatabase>;
/// Flags of a command that opens the vault.
pub(crate) type VaultArgs = SettingArgs<ForVault>;
/// Flags of `strongroom region list`.
pub(crate) type RegionListArgs = SettingArgs<ForRegions>;
/// Flags of `serve` and `doctor`: all.
pub(crate) type ServeArgs = SettingArgs<ForServe>;

/// The values that were given as flags to a command of kind `C`.
pub(crate) struct SettingArgs<C> {
    given: Vec<(Key, String)>,
    command: PhantomData<C>,
}

impl<C> SettingArgs<C> {
    pub(super) fn given(&self) -> &[(Key, String)] {
        &self.given
    }

    /// The names of the flags that were given, with their dashes.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        let names = self.given.iter().map(|(key, _)| flag_name(key));
        names.map(|name| format!("--{name}"))
    }
}

// Values may be secret.
impl<C> fmt::Debug for SettingArgs<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.given.iter().map(|(key, _)| key);
        f.debug_list().entries(keys).finish()
    }
}

/// A kind of command.
pub(crate) trait Kind {
    /// The flags that it has.
    const HAS: &[Commands];
}

pub(crate) enum ForDatabase {}

impl Kind for ForDatabase {
    const HAS: &[Commands] = &[Commands::Database];
}

pub(crate) enum ForVault {}

impl Kind for ForVault {
    const HAS: &[Commands] = &[Commands::Database, Commands::Vault];
}

pub(crate) enum ForRegions {}

impl Kind for ForRegions {
    const HAS: &[Commands] = &[Commands::Database, Commands::Regions];
}

pub(crate) enum ForServe {}

impl Kind for ForServe {
    const HAS: &[Commands] = &[
        Commands::Database,
        Commands::Vault,
        Commands::Regions,
        Commands::Serve,
    ];
}

/// The settings for which commands of kind `C` have a flag.
fn rows<C: Kind>() -> impl Iterator<Item = (&'static Row, &'static Flag)> {
    let rows = all().map(|setting| setting.row());
    let flags = rows.filter_map(|row| Some((row, row.flag.as_ref()?)));
    flags.filter(|(_, flag)| C::HAS.contains(&flag.commands))
}

impl<C: Kind> Args for SettingArgs<C> {
    fn augment_args(command: Command) -> Command {
        let renamed = rows::<C>().filter_map(|(row, _)| Some(renamed(row.former?)));
        let flags = rows::<C>().map(|(row, flag)| arg(row, flag));
        command.args(flags).args(renamed)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn arg(row: &'static Row, flag: &Flag) -> Arg {
    let arg = Arg::new(row.key)
        .long(row.flag_name())
        .value_name(flag.value)
        .help(help(row));
    if row.key == DATABASE_URL_FILE.key() {
        return arg.conflicts_with(DATABASE_URL.key());
    }
    arg
}

fn help(row: &Row) -> String {
    let what = row.what.trim_end_matches('.');
    let variable = row.variable();
    match row.default {
        Some(default) => format!("{what} [variable: {variable}] [default: {default}]"),
        None => format!("{what} [variable: {variable}]"),
    }
}

// Known to the parser, so that it is refused with the new name.
fn renamed(former: Key) -> Arg {
    let arg = Arg::new(former).long(flag_name(former));
    arg.num_args(0..=1).hide(true)
}

impl<C: Kind> FromArgMatches for SettingArgs<C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        for (row, _) in rows::<C>() {
            if let Some(former) = row.former
                && matches.contains_id(former)
            {
                let (old, new) = (flag_name(former), row.flag_name());
                let message = format!("--{old} is now named --{new}");
                return Err(Error::raw(ErrorKind::UnknownArgument, message));
            }
        }
        let given = rows::<C>().filter_map(|(row, _)| {
            let text = matches.get_one::<String>(row.key)?;
            Some((row.key, text.clone()))
        });
        Ok(Self {
            given: given.collect(),
            command: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
