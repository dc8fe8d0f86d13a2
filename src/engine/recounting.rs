//! Counts of a source that is written to: taken again until both sides agree, since one look meets them at two moments.

use std::time::Duration;

use super::context::Context;
use crate::error::Result;
use crate::store::records::Counted;

/// Looks before a difference is put up with for now.
const LOOKS: u32 = 5;
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// Between two looks once the migration is ready.
const LONG_PAUSE: Duration = Duration::from_secs(10);

impl Context {
    /// Counts both sides; where the source is followed, some times more while they differ.
    ///
    /// # Errors
    /// As [`Context::count_both`].
    pub(super) async fn count_settled(&self) -> Result<()> {
        self.count_both().await?;
        if self.config.changes.follows() {
            for _ in 1..LOOKS {
                if !self.differs()? {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
                self.count_both().await?;
            }
        }
        Ok(())
    }

    /// Goes on counting both sides as long as they differ. Never returns but with an error.
    ///
    /// # Errors
    /// As [`Context::count_both`].
    pub(super) async fn count_while_they_differ(&self) -> Result<std::convert::Infallible> {
        loop {
            tokio::time::sleep(LONG_PAUSE).await;
            if self.differs()? {
                self.count_both().await?;
            }
        }
    }

    fn differs(&self) -> Result<bool> {
        let counted = |counted: &Counted| counted.agrees() || counted.lacks_only_failures();
        let indices = self.store.indices(&self.name)?;
        Ok(indices.iter().any(|index| !index.counted.as_ref().is_some_and(counted)))
    }
}
