//! Protection of the process's memory, which holds keys and opened secrets.

use nix::errno::Errno;
use nix::libc::{MCL_ONFAULT, RLIM_INFINITY};
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Keeps the memory out of core dumps, and out of the reach of other processes of the same user.
pub(crate) fn protect() {
    let limited = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    if let Err(error) = limited.and_then(|()| set_dumpable(false)) {
        crate::output::error(&format!("cannot disable core dumps: {error}"));
    }
}

/// Keeps the memory out of swap space, if the limit on locked memory (`ulimit -l`,
/// `LimitMEMLOCK`) is unlimited. Under any other limit, later allocations could fail.
pub(crate) fn lock() {
    let locked = getrlimit(Resource::RLIMIT_MEMLOCK).and_then(|(soft, _)| {
        if soft != RLIM_INFINITY {
            return Err(Errno::EPERM);
        }
        // Without `MCL_ONFAULT`, memory that was reserved but never used would be locked as well.
        let on_fault = MlockAllFlags::from_bits_retain(MCL_ONFAULT);
        mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE | on_fault)
    });
    match locked {
        Ok(()) => tracing::debug!("the memory of this process is locked"),
        Err(error) => tracing::info!(
            %error,
            "the memory of this process may be swapped out: raise the limit on locked memory to \
             unlimited (ulimit -l, LimitMEMLOCK), or turn swap space off or encrypt it"
        ),
    }
}
