//! The first rounds of `scripts/chaos`: whole migrations through random faults, kills and freezes.

use std::path::PathBuf;

use esferry_lab::chaos::{ChaosOptions, chaos};

use crate::scene::old_and_new;

#[tokio::test]
async fn ten_rounds_of_chaos_lose_and_double_nothing() {
    if !esferry_lab::wanted("ten rounds of chaos") {
        return;
    }
    let (old, new) = old_and_new().await.unwrap();
    let esferry = PathBuf::from(env!("CARGO_BIN_EXE_esferry"));
    let options = ChaosOptions { esferry, rounds: 10, seed: 20_261_126, only: None };
    let summary = chaos(&options, &old, &new).await.unwrap();
    println!("{summary}");
    assert!(summary.kills > 5 && summary.faults_made() > 50, "the weather was too fine: {summary}");
    assert!(summary.documents > 10_000 && summary.retried > 0, "{summary}");
}
