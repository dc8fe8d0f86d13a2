//! The aliases of a cluster: where one leads, and moving it in one step.

use reqwest::Method;
use serde_json::{Value, json};

use super::Cluster;
use super::failure::CallError;
use super::path::encode;
use super::transport::Request;

/// An alias that no cluster has: whoever may not take it away may not change aliases at all.
const NOBODYS: &str = "esferry-asks-for-its-rights";

impl Cluster {
    /// The indices that an alias leads to, each with filter, routing and the like as the server tells them; none where
    /// there is no such alias.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn led_to_by(&self, alias: &str) -> Result<Vec<(String, Value)>, CallError> {
        let answer = match self.ask(&Request::get(format!("/_alias/{}", encode(alias)))).await {
            Err(CallError::Refused(refusal)) if refusal.status == 404 => return Ok(Vec::new()),
            answer => answer?,
        };
        let mut places = Vec::new();
        for (index, described) in answer.as_object().into_iter().flatten() {
            let definition = described
                .pointer("/aliases")
                .and_then(|aliases| aliases.get(alias))
                .ok_or_else(|| CallError::Malformed(format!("an answer about aliases without `{alias}`")))?;
            places.push((index.clone(), definition.clone()));
        }
        places.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(places)
    }

    /// Changes aliases in one update of the cluster state: all of it or nothing.
    ///
    /// # Errors
    /// Any [`CallError`]; after [`CallError::Timeout`] or [`CallError::Broken`] it may be done or not.
    pub async fn change_aliases(&self, actions: &[Value]) -> Result<(), CallError> {
        let request = Request::json(Method::POST, "/_aliases".to_owned(), &json!({"actions": actions}));
        self.change(&request).await
    }

    /// Whether these credentials may change the aliases of an index: asks to take away one that is not there, which
    /// changes nothing. A server refuses that with 404 where it would do it, and with 401 or 403 where it would not.
    ///
    /// # Errors
    /// Any [`CallError`] that says something else.
    pub async fn may_change_aliases(&self, index: &str) -> Result<bool, CallError> {
        match self.change_aliases(&[json!({"remove": {"index": index, "alias": NOBODYS}})]).await {
            Ok(()) => Ok(true),
            Err(CallError::Refused(refusal)) if refusal.status == 404 => Ok(true),
            Err(CallError::Refused(refusal)) if matches!(refusal.status, 401 | 403) => Ok(false),
            Err(cause) => Err(cause),
        }
    }
}
