//! Documents to migrate, and the bodies of the indices that hold them.

mod alerts;
mod bulk;
mod cities;
mod document;
mod events;
mod odd;
mod refused;

pub use alerts::{AlertSet, LoadedAlerts, alert, load_alerts};
pub use bulk::{BulkWriter, action_line, check_items};
pub use cities::{cities, load_cities};
pub use document::{Body, Document, target_body};
pub use events::{event_with_keys_and_values, events, load_events};
pub use odd::{load_odd_documents, odd_documents};
pub use refused::{RefusedDocument, load_refused_documents, refused_documents};
