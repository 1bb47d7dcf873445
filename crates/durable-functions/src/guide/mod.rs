//! The guide: how orchestrators work, what they must not do, and what to do when something fails.
//!
//! Begin with the [README](crate), which is a whole app. Then:
//!
//! | Page | What it answers |
//! |---|---|
//! | [concepts] | What is an orchestrator, a turn, a replay? What may an orchestrator do? |
//! | [determinism] | What must the code of an orchestrator not do? What notices it, and what does not? |
//! | [errors] | How do failures travel? What is retried? Why should every activity have a policy? |
//! | [clients] | How do I start an instance, ask for its result, and answer HTTP meanwhile? |
//! | [events] | How do I wait for people, for a time, or for whichever comes first? |
//! | [entities] | How do I keep state beside orchestrations, and lock it? |
//! | [versioning] | How do I deploy new code while instances run? |
//! | [testing] | How do I test orchestrators without a host? |
//! | [operating] | Logs, settings, rewind, restart, purge, and what to watch in production |
//! | [workers] | How do I run the same functions without a Functions host? |
//! | [limits] | Sizes, counts, names and ids |
//! | [compatibility] | Which extension bundle, extension and host work? |
//! | [troubleshooting] | A message or a symptom: what is the cause, and what do I do? |
//! | [migration] | I know Durable Functions in .NET, Python or JavaScript: what is the line here? |

#[cfg(doc)]
use crate::*;

/// Where a page links to the others. In the files themselves the same names lead to files, for those
/// who read them in the repository; of two definitions the first counts.
macro_rules! links {
    () => {
        "[README]: crate\n\
         [`ServeError::exit`]: functions_handler::ServeError::exit\n\
         [concepts]: crate::guide::concepts\n\
         [determinism]: crate::guide::determinism\n\
         [errors]: crate::guide::errors\n\
         [clients]: crate::guide::clients\n\
         [events]: crate::guide::events\n\
         [entities]: crate::guide::entities\n\
         [versioning]: crate::guide::versioning\n\
         [testing]: crate::guide::testing\n\
         [operating]: crate::guide::operating\n\
         [workers]: crate::guide::workers\n\
         [limits]: crate::guide::limits\n\
         [compatibility]: crate::guide::compatibility\n\
         [troubleshooting]: crate::guide::troubleshooting\n\
         [migration]: crate::guide::migration\n"
    };
}

macro_rules! pages {
    ($($page:ident)*) => {
        $(
            #[doc = links!()]
            #[doc = include_str!(concat!(stringify!($page), ".md"))]
            pub mod $page {}
        )*
    };
}

pages! {
    concepts determinism errors clients events entities versioning testing operating workers limits
    compatibility troubleshooting migration
}
