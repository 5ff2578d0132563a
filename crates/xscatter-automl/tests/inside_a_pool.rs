//! A study that is started on the only thread of the pool that its fits need.

mod toy;

use toy::{data, families};
use xscatter_automl::{Study, StudyConfig};
use xscatter_core::StopToken;

#[test]
fn a_study_on_the_only_thread_of_the_pool_ends() {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global()
        .expect("no test before this one has made the pool");
    let (representations, target) = data();
    let study = Study::new(
        families(),
        xscatter_metrics::standard(),
        StudyConfig::default(),
    )
    .expect("a valid study");
    let run = || study.run(&representations, &target, &mut |_| (), &StopToken::new());
    let outside = run().expect("the study runs").without_times();
    let mut inside = None;
    rayon::scope(|_| inside = Some(run()));
    let inside = inside
        .expect("the scope has ended")
        .expect("the study runs");
    assert_eq!(inside.without_times(), outside);
}
