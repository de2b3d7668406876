//! Writing a collection: our own form, which holds everything, and osquery's, for what fits.

mod osquery;
mod own;
mod yaml;

pub use osquery::osquery;
pub use own::own;
