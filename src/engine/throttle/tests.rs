use super::*;

fn limited(docs: Option<u64>, parallel: usize) -> (Arc<Throttle>, MigrationConfig) {
    let mut config = MigrationConfig::default();
    config.throttle.max_docs_per_second = docs;
    config.slice.parallel = parallel;
    (Arc::new(Throttle::new(&config, &Tuned::default())), config)
}

#[tokio::test(start_paused = true)]
async fn readers_side_by_side_share_one_rate() {
    let (throttle, _) = limited(Some(1000), 4);
    let begun = Instant::now();
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let throttle = throttle.clone();
        readers.spawn(async move {
            let (page, waits) = (PageSize::new(5000, 700), Waits::default());
            for _ in 0..20 {
                let charged = throttle.turn(&page, Reads::Documents, &waits).await;
                assert_eq!(page.docs(), 500, "two seconds of the rate, for four");
                throttle.settle(charged, 500, 0);
            }
        });
    }
    readers.join_all().await;
    // The last page of all is owed still, and a second is credit.
    let seconds = begun.elapsed().as_secs_f64();
    assert!((38.0..=40.0).contains(&seconds), "40 000 documents took {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_shown_while_it_holds_and_a_new_one_acts_at_once() {
    let (throttle, config) = limited(Some(1), 1);
    let (page, waits) = (PageSize::new(5000, 700), Waits::default());
    let charged = throttle.turn(&page, Reads::Documents, &waits).await;
    throttle.settle(charged, 5000, 0);
    let held = {
        let (throttle, waits) = (throttle.clone(), waits.clone());
        tokio::spawn(async move { throttle.turn(&PageSize::new(5000, 700), Reads::Documents, &waits).await })
    };
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(waits.first().as_deref(), Some("limited to 1 documents/s"));
    let before = Instant::now();
    throttle.tune(&config, &Tuned { max_docs_per_second: Some(1_000_000), ..Tuned::default() });
    held.await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
    assert_eq!(waits.first(), None);
}

#[tokio::test(start_paused = true)]
async fn what_holds_is_shown_as_it_changes_and_ends_with_it() {
    let (throttle, _) = limited(None, 1);
    throttle.held.send_replace(Some("source cpu 91 % on a (limit 80 %)".to_owned()));
    let waits = Waits::default();
    let held = {
        let (throttle, waits) = (throttle.clone(), waits.clone());
        tokio::spawn(async move { throttle.until_free(&waits).await })
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(waits.first().as_deref(), Some("source cpu 91 % on a (limit 80 %)"));
    throttle.held.send_replace(Some("source cpu 85 % on a (limit 80 %)".to_owned()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(waits.first().as_deref(), Some("source cpu 85 % on a (limit 80 %)"));
    throttle.held.send_replace(None);
    held.await.unwrap();
    assert_eq!(waits.first(), None);
}

#[tokio::test(start_paused = true)]
async fn without_any_limit_pages_are_as_large_as_ever_and_nobody_waits() {
    let (throttle, config) = limited(Some(10), 1);
    let (page, waits) = (PageSize::new(5000, 700), Waits::default());
    throttle.turn(&page, Reads::Documents, &waits).await;
    assert_eq!(page.docs(), 20);
    let unlimited = MigrationConfig { throttle: ThrottleConfig::default(), ..config };
    throttle.tune(&unlimited, &Tuned::default());
    let begun = Instant::now();
    for _ in 0..100 {
        let charged = throttle.turn(&page, Reads::Documents, &waits).await;
        throttle.settle(charged, 5000, 4 << 20);
    }
    assert_eq!(page.docs(), 5000);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_reader_is_held_for_two_minutes_or_what_a_slow_target_left_of_them() {
    let last_page = Instant::now();
    assert_eq!(held_until(last_page) - last_page, LONGEST_HOLD);
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(held_until(last_page) - Instant::now(), SHORTEST_HOLD);
}
