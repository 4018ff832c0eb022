use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);
const NEARLY_TEN_SECONDS: Duration = Duration::from_nanos(9_999_999_999);

fn rotating(rotation: Rotation, now: Instant) -> (Sealer, Opener) {
    let mut sealer = Sealer::new(Secret::new(SECRET), rotation, now);
    let mut opener = Opener::new(Secret::new(SECRET), now);
    sealer.begin_session();
    opener.begin_session();
    (sealer, opener)
}

/// Seals one content, opens the records, and returns how many were key updates.
fn pass(sealer: &mut Sealer, opener: &mut Opener, content: &[u8], now: Instant) -> usize {
    let mut frames = Vec::new();
    sealer.seal(content, now, &mut frames).unwrap();
    let (mut updates, mut last) = (0, Vec::new());
    let mut rest = &mut frames[..];
    while let Some((&mut [high, low], after)) = rest.split_first_chunk_mut() {
        let (record, after) = after.split_at_mut(u16::from_be_bytes([high, low]).into());
        match opener.open(record, now).unwrap() {
            Opened::KeyUpdate => updates += 1,
            Opened::Messages(content) => last = content.to_vec(),
        }
        rest = after;
    }
    assert_eq!(last, content);
    assert_eq!(sealer.key_age(now), opener.key_age(now));
    updates
}

/// A valid key update, long before the sealer's own limits.
fn update(sealer: &mut Sealer, now: Instant) -> Vec<u8> {
    let record = forge(sealer, &[2]);
    sealer.key = sealer.key.next(now);
    record
}

#[test]
fn a_key_seals_exactly_the_number_of_records_set() {
    let now = Instant::now();
    for limit in [1, 2, 3, 100] {
        let (mut sealer, mut opener) = rotating(Rotation::new(limit, u64::MAX, HOUR), now);
        for epoch in 0..3 {
            for n in 0..limit {
                let expected = usize::from(epoch > 0 && n == 0);
                let updates = pass(&mut sealer, &mut opener, b"x", now);
                assert_eq!(
                    updates, expected,
                    "limit {limit}, epoch {epoch}, record {n}"
                );
                assert_eq!(sealer.key_age(now).epoch, epoch);
            }
        }
    }
}

#[test]
fn a_key_seals_until_the_number_of_bytes_set_is_reached() {
    let now = Instant::now();
    // A short record is 64 + 16 bytes.
    for (limit, records) in [(1, 1), (79, 1), (80, 1), (81, 2), (160, 2), (161, 3)] {
        let (mut sealer, mut opener) = rotating(Rotation::new(u64::MAX, limit, HOUR), now);
        for epoch in 0..3 {
            for n in 0..records {
                let expected = usize::from(epoch > 0 && n == 0);
                let updates = pass(&mut sealer, &mut opener, b"x", now);
                assert_eq!(
                    updates, expected,
                    "limit {limit}, epoch {epoch}, record {n}"
                );
            }
        }
    }
}

#[test]
fn a_key_is_replaced_with_the_first_record_after_the_time_set() {
    let begin = Instant::now();
    let (mut sealer, mut opener) = rotating(Rotation::new(u64::MAX, u64::MAX, SECOND * 10), begin);
    let just_before = begin + NEARLY_TEN_SECONDS;
    assert_eq!(pass(&mut sealer, &mut opener, b"x", just_before), 0);
    let late = begin + SECOND * 25;
    assert_eq!(pass(&mut sealer, &mut opener, b"x", late), 1);
    assert_eq!(pass(&mut sealer, &mut opener, b"x", late), 0);
    // The next key's time counts from its own first record.
    let still = late + NEARLY_TEN_SECONDS;
    assert_eq!(pass(&mut sealer, &mut opener, b"x", still), 0);
    assert_eq!(pass(&mut sealer, &mut opener, b"x", late + SECOND * 10), 1);
    assert_eq!(sealer.key_age(late).epoch, 2);
}

#[test]
fn a_clock_that_goes_back_replaces_nothing_and_gives_age_zero() {
    let earlier = Instant::now();
    let (mut sealer, mut opener) = rotating(Rotation::default(), earlier + HOUR);
    assert_eq!(pass(&mut sealer, &mut opener, b"x", earlier), 0);
    assert_eq!(sealer.key_age(earlier).age, Duration::ZERO);
}

#[test]
fn no_key_is_replaced_before_login_and_a_due_one_with_the_first_record_after() {
    let now = Instant::now();
    let mut sealer = Sealer::new(Secret::new(SECRET), Rotation::new(2, 1, SECOND), now);
    let mut opener = Opener::new(Secret::new(SECRET), now);
    for n in 0..5 {
        let later = now + SECOND * n;
        assert_eq!(pass(&mut sealer, &mut opener, b"x", later), 0);
    }
    sealer.begin_session();
    opener.begin_session();
    assert_eq!(pass(&mut sealer, &mut opener, b"x", now), 1);
    assert_eq!(pass(&mut sealer, &mut opener, b"y", now), 1, "one byte set");
}

#[test]
fn what_does_not_fit_replaces_no_key() {
    let now = Instant::now();
    let (mut sealer, mut opener) = rotating(Rotation::new(1, u64::MAX, HOUR), now);
    pass(&mut sealer, &mut opener, b"x", now);
    let mut out = Vec::new();
    assert!(sealer.seal(&[], now, &mut out).is_err());
    assert_eq!((out.len(), sealer.key_age(now).epoch), (0, 0));
    assert_eq!(pass(&mut sealer, &mut opener, b"y", now), 1);
}

#[test]
fn the_limits_can_only_be_lowered() {
    let most = Rotation::default();
    assert_eq!(most.records, 65_536);
    assert_eq!(most.bytes, 256 * 1024 * 1024);
    assert_eq!(most.age, Duration::from_secs(600));
    assert_eq!(Rotation::new(u64::MAX, u64::MAX, Duration::MAX), most);
    assert_eq!(Rotation::new(65_537, (256 << 20) + 1, SECOND * 601), most);
    let lower = Rotation::new(65_535, (256 << 20) - 1, SECOND * 599);
    assert_eq!(
        (lower.records, lower.bytes, lower.age),
        (65_535, (256 << 20) - 1, SECOND * 599)
    );
    let least = Rotation::new(0, 0, Duration::ZERO);
    assert_eq!((least.records, least.bytes), (1, 1));
}

#[test]
fn the_old_key_opens_nothing_after_an_update() {
    let now = Instant::now();
    let (mut sealer, mut opener) = rotating(Rotation::default(), now);
    let (mut old, _) = rotating(Rotation::default(), now);
    let record = update(&mut sealer, now);
    assert_eq!(open(&mut opener, &record), Ok(None));
    let refused = Err(OpenError::Authentication);
    assert_eq!(open(&mut opener, &record), refused, "the update again");
    for counter in 0..3 {
        old.key.counter = counter;
        let record = forge(&mut old, b"x\x01");
        assert_eq!(open(&mut opener, &record), refused, "{counter}");
    }
    assert!(open(&mut opener, &forge(&mut sealer, b"x\x01")).is_ok());
}

#[test]
fn epoch_and_age_are_reported() {
    let begin = Instant::now();
    let (mut sealer, mut opener) = rotating(Rotation::default(), begin);
    let later = begin + SECOND * 5;
    let of = |epoch, seconds| KeyAge {
        epoch,
        age: SECOND * seconds,
    };
    assert_eq!(sealer.key_age(later), of(0, 5));
    assert_eq!(opener.key_age(later), of(0, 5));
    let mut record = update(&mut sealer, later);
    opener.open(&mut record, later).unwrap();
    assert_eq!(sealer.key_age(later + SECOND), of(1, 1));
    assert_eq!(opener.key_age(later + SECOND), of(1, 1));
}

#[test]
fn a_receiver_takes_2_to_the_20_records_under_one_key_and_no_more() {
    let now = Instant::now();
    let (mut sealer, mut opener) = rotating(Rotation::default(), now);
    sealer.key.counter = MAX_RECORDS_PER_KEY - 1;
    opener.key.counter = MAX_RECORDS_PER_KEY - 1;
    assert!(open(&mut opener, &forge(&mut sealer, b"x\x01")).is_ok());
    let refused = Err(OpenError::Exhausted);
    assert_eq!(open(&mut opener, &forge(&mut sealer, b"x\x01")), refused);
    assert_eq!(open(&mut opener, &update(&mut sealer, now)), refused);

    // A key update as the last record is in time.
    let (mut sealer, mut opener) = rotating(Rotation::default(), now);
    sealer.key.counter = MAX_RECORDS_PER_KEY - 1;
    opener.key.counter = MAX_RECORDS_PER_KEY - 1;
    assert_eq!(open(&mut opener, &update(&mut sealer, now)), Ok(None));
    assert!(open(&mut opener, &forge(&mut sealer, b"x\x01")).is_ok());
}

#[test]
fn eight_key_updates_in_ten_seconds_are_taken_and_a_ninth_is_not() {
    let begin = Instant::now();
    for (last, taken) in [
        (Duration::ZERO, false),
        (NEARLY_TEN_SECONDS, false),
        (UPDATE_WINDOW, true),
        (UPDATE_WINDOW * 2, true),
    ] {
        let (mut sealer, mut opener) = rotating(Rotation::default(), begin);
        for _ in 0..MAX_UPDATES {
            let mut record = update(&mut sealer, begin);
            assert_eq!(opener.open(&mut record, begin), Ok(Opened::KeyUpdate));
        }
        let mut record = update(&mut sealer, begin);
        let ninth = opener.open(&mut record, begin + last);
        let expected = if taken {
            Ok(Opened::KeyUpdate)
        } else {
            Err(OpenError::TooManyUpdates)
        };
        assert_eq!(ninth, expected, "after {last:?}");
    }
}

#[test]
fn key_updates_in_a_steady_measure_are_taken_for_ever() {
    let begin = Instant::now();
    let (mut sealer, mut opener) = rotating(Rotation::default(), begin);
    for n in 0..100 {
        let now = begin + UPDATE_WINDOW / 8 * n;
        let mut record = update(&mut sealer, now);
        assert_eq!(opener.open(&mut record, now), Ok(Opened::KeyUpdate), "{n}");
    }
    assert_eq!(opener.key_age(begin).epoch, 100);
}
