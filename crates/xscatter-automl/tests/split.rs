//! What holds of every split, whatever the rows.

use std::sync::Arc;

use ndarray::Array2;
use proptest::prelude::*;
use xscatter_automl::split::{
    SplitError, judged_rows, largest_number_of_folds, largest_number_of_folds_of_tags,
};
use xscatter_automl::{Fold, Split};
use xscatter_core::{Classes, Error, ErrorKind, TagState, Tags, Target, Values};

fn classes(labels: &[u32]) -> Classes {
    let names = (0..3).map(|k| format!("class {k}").into()).collect();
    Classes::new(names, labels.to_vec()).expect("labels below 3")
}

fn tags(states: &[[u8; 3]]) -> Tags {
    let names = (0..3).map(|k| format!("tag {k}").into()).collect();
    let states = Array2::from_shape_fn((states.len(), 3), |(row, tag)| match states[row][tag] {
        0 => TagState::Negative,
        1 => TagState::Positive,
        _ => TagState::Unknown,
    });
    Tags::new(names, states).expect("a name a column")
}

fn values(rows: usize) -> Target {
    let values = Array2::zeros((rows, 1));
    Target::Values(Values::new(vec!["radius_nm".into()], values).expect("a name a column"))
}

fn names(groups: &[usize]) -> Vec<Arc<str>> {
    groups.iter().map(|g| format!("scan {g}").into()).collect()
}

/// Each row judges once, and where it judges it does not train.
fn parts_all_rows(folds: &[Fold], rows: usize) -> bool {
    let mut times = vec![0; rows];
    for fold in folds {
        for &row in &fold.validation {
            times[row] += 1;
        }
        let mut both = [&fold.train[..], &fold.validation].concat();
        both.sort_unstable();
        if !both.into_iter().eq(0..rows) {
            return false;
        }
    }
    times.iter().all(|&times| times == 1)
}

fn keeps_groups(folds: &[Fold], groups: &[Arc<str>]) -> bool {
    folds.iter().all(|fold| fold.shared_group(groups).is_none())
}

proptest! {
    #[test]
    fn rows_judge_once_and_groups_stay_whole(
        rows in prop::collection::vec((0_u32..3, 0_usize..25), 2..100),
        folds in 2_usize..6,
        seed in any::<u64>(),
        shuffle in any::<bool>(),
    ) {
        let (labels, groups): (Vec<u32>, Vec<usize>) = rows.into_iter().unzip();
        let (target, groups) = (Target::Classes(classes(&labels)), names(&groups));
        for split in [
            Split::StratifiedGroupKFold { folds },
            Split::GroupKFold { folds, shuffle },
            Split::LeaveOneGroupOut,
        ] {
            if let Ok(made) = split.folds(&target, &groups, seed) {
                prop_assert!(parts_all_rows(&made, groups.len()), "{:?}", split);
                prop_assert!(keeps_groups(&made, &groups));
                prop_assert_eq!(split.folds(&target, &groups, seed).unwrap(), made);
            }
        }
        if let Ok(made) = (Split::KFold { folds, shuffle }).folds(&target, &groups, seed) {
            prop_assert!(parts_all_rows(&made, groups.len()));
            let sizes: Vec<usize> = made.iter().map(|fold| fold.validation.len()).collect();
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        }
        if let Ok(made) = (Split::StratifiedKFold { folds, shuffle }).folds(&target, &groups, seed) {
            prop_assert!(parts_all_rows(&made, groups.len()));
            for class in 0..3 {
                let share = |fold: &Fold| classes(&labels).select(&fold.validation).counts()[class];
                let shares: Vec<usize> = made.iter().map(share).collect();
                prop_assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
            }
        }
    }

    #[test]
    fn tags_stand_on_both_sides_of_whole_groups(
        rows in prop::collection::vec((prop::array::uniform3(0_u8..3), 0_usize..30), 10..120),
        folds in 2_usize..5,
        pairs in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let (states, groups): (Vec<[u8; 3]>, Vec<usize>) = rows.into_iter().unzip();
        let (tags, groups) = (tags(&states), names(&groups));
        let target = Target::Tags(tags.clone());
        let split = Split::IterativeStratified { folds, pairs, allow_rare: false };
        let made = split.folds(&target, &groups, seed);
        if largest_number_of_folds_of_tags(&tags, &groups).unwrap() < folds {
            prop_assert!(made.is_err());
        }
        if let Ok(made) = made {
            prop_assert!(parts_all_rows(&made, groups.len()));
            prop_assert!(keeps_groups(&made, &groups));
            for fold in &made {
                let have = |tag: usize, state| fold.validation.iter().any(|&row| states[row][tag] == state);
                prop_assert!((0..3).all(|tag| have(tag, 0) && have(tag, 1)));
            }
            // The order of the rows does not matter.
            let back: Vec<usize> = (0..groups.len()).rev().collect();
            let reversed: Vec<Arc<str>> = back.iter().map(|&row| groups[row].clone()).collect();
            let other = split.folds(&target.select(&back), &reversed, seed).unwrap();
            for (fold, other) in made.iter().zip(other) {
                let mut rows: Vec<usize> = other.validation.iter().map(|&row| back[row]).collect();
                rows.sort_unstable();
                prop_assert_eq!(&fold.validation, &rows);
            }
        }
        let rare = Split::IterativeStratified { folds, pairs, allow_rare: true };
        if let Ok(made) = rare.folds(&target, &groups, seed) {
            prop_assert!(parts_all_rows(&made, groups.len()));
            prop_assert!(keeps_groups(&made, &groups));
        }
        if let Ok(made) = (Split::Holdout { fraction: 0.3 }).folds(&target, &groups, seed) {
            prop_assert_eq!(made.len(), 1);
            prop_assert!(keeps_groups(&made, &groups));
        }
    }
}

#[test]
fn groups_of_tags_are_spread_about_as_evenly_as_rows() {
    // 60 groups of 5 rows that share their tags, of which 50 %, 20 % and 10 % of the groups have one.
    let states: Vec<[u8; 3]> = (0..300)
        .map(|row| row / 5)
        .map(|group| [2, 5, 10].map(|every| u8::from(group % every == 0)))
        .collect();
    let groups = names(&(0..300).map(|row| row / 5).collect::<Vec<usize>>());
    let target = Target::Tags(tags(&states));
    for seed in 0..20 {
        let folds = Split::automatic(&target, &groups, 3)
            .folds(&target, &groups, seed)
            .unwrap();
        for fold in folds {
            assert_eq!(fold.validation.len(), 100);
            for (tag, expected) in [50, 20, 10].into_iter().enumerate() {
                let have = fold.validation.iter();
                let have = have.filter(|&&row| states[row][tag] == 1).count();
                assert_eq!(have, expected, "tag {tag}, seed {seed}");
            }
        }
    }
}

#[test]
fn a_holdout_of_tags_has_about_its_share_of_each() {
    let states: Vec<[u8; 3]> = (0..400)
        .map(|row| [2, 5, 10].map(|every| u8::from(row % every == 0)))
        .collect();
    let groups = names(&(0..400).collect::<Vec<usize>>());
    let split = Split::Holdout { fraction: 0.25 };
    let target = Target::Tags(tags(&states));
    let fold = &split.folds(&target, &groups, 5).unwrap()[0];
    assert_eq!(fold.validation.len(), 100);
    for (tag, expected) in [50, 20, 10].into_iter().enumerate() {
        let have = fold.validation.iter();
        let have = have.filter(|&&row| states[row][tag] == 1).count();
        assert_eq!(have, expected);
    }
}

#[test]
fn a_split_is_data() {
    for (text, split) in [
        (
            r#"{"k-fold":{"folds":3}}"#,
            Split::KFold {
                folds: 3,
                shuffle: true,
            },
        ),
        (r#""leave-one-group-out""#, Split::LeaveOneGroupOut),
        (
            r#"{"repeated":{"split":{"holdout":{"fraction":0.2}},"repeats":4}}"#,
            Split::Repeated {
                split: Box::new(Split::Holdout { fraction: 0.2 }),
                repeats: 4,
            },
        ),
        (
            r#"{"time-series":{"folds":2,"gap":1}}"#,
            Split::TimeSeries {
                folds: 2,
                gap: 1,
                validation_rows: None,
                max_train_rows: None,
            },
        ),
    ] {
        assert_eq!(serde_json::from_str::<Split>(text).unwrap(), split);
        let back = serde_json::to_string(&split).unwrap();
        assert_eq!(serde_json::from_str::<Split>(&back).unwrap(), split);
        assert!(back.contains(split.name()));
    }
    for text in [
        r#"{"k-fold":{"folds":3,"shufle":true}}"#,
        r#"{"k_fold":{"folds":3}}"#,
        r#"{"holdout":{}}"#,
    ] {
        assert!(serde_json::from_str::<Split>(text).is_err(), "{text}");
    }
}

#[test]
fn repeats_differ_and_what_cannot_differ_is_refused() {
    let target = Target::Classes(classes(&[0, 1, 2, 0, 1, 2, 0, 1, 2]));
    let groups = names(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let repeated = |split: Split, repeats| Split::Repeated {
        split: Box::new(split),
        repeats,
    };
    let split = Split::automatic(&target, &groups, 3);
    let folds = repeated(split, 4).folds(&target, &groups, 2).unwrap();
    assert_eq!(folds.len(), 12);
    assert!(folds.chunks(3).all(|folds| parts_all_rows(folds, 9)));
    assert_ne!(folds[..3], folds[3..6]);
    assert_eq!(judged_rows(&folds), (0..9).collect::<Vec<usize>>());
    let fixed = repeated(Split::LeaveOneGroupOut, 2).folds(&target, &groups, 2);
    assert_eq!(
        fixed.unwrap_err().to_string(),
        "expected a split that depends on the seed to repeat it, got leave-one-group-out"
    );
    let none = repeated(Split::Holdout { fraction: 0.5 }, 0).folds(&target, &groups, 2);
    assert_eq!(none, Err(SplitError::NoRepeat));
}

#[test]
fn the_automatic_split_regards_groups_and_target() {
    let target = Target::Classes(classes(&[0, 1, 2, 0]));
    let (apart, shared) = (names(&[0, 1, 2, 3]), names(&[0, 1, 2, 0]));
    let of = |target: &Target, groups: &[Arc<str>]| Split::automatic(target, groups, 2).name();
    assert_eq!(of(&target, &apart), "stratified-k-fold");
    assert_eq!(of(&target, &shared), "stratified-group-k-fold");
    assert_eq!(
        of(&Target::Tags(tags(&[[0; 3]; 4])), &shared),
        "iterative-stratified"
    );
    assert_eq!(of(&values(4), &apart), "k-fold");
    assert_eq!(of(&values(4), &shared), "group-k-fold");
}

#[test]
fn fewer_folds_do_where_the_data_allow_no_more() {
    let target = Target::Classes(classes(&[0, 0, 0, 1, 1, 1, 2, 2, 2, 0]));
    let groups = names(&[0, 1, 2, 3, 4, 5, 6, 7, 7, 0]);
    assert_eq!(
        largest_number_of_folds(target.classes().unwrap(), &groups),
        Ok(2)
    );
    let reduced = |split: Split| split.reduced(&target, &groups).unwrap();
    let split = reduced(Split::StratifiedGroupKFold { folds: 5 });
    assert_eq!(split, Split::StratifiedGroupKFold { folds: 2 });
    assert_eq!(split.folds(&target, &groups, 1).unwrap().len(), 2);
    let shuffle = true;
    let split = reduced(Split::StratifiedKFold { folds: 5, shuffle });
    assert_eq!(split, Split::StratifiedKFold { folds: 3, shuffle });
    let split = reduced(Split::GroupKFold { folds: 50, shuffle });
    assert_eq!(split, Split::GroupKFold { folds: 8, shuffle });
    let split = reduced(Split::KFold { folds: 50, shuffle });
    assert_eq!(split, Split::KFold { folds: 10, shuffle });
    assert_eq!(reduced(Split::LeaveOneGroupOut), Split::LeaveOneGroupOut);
    let states = [
        [1, 0, 1],
        [0, 1, 1],
        [1, 0, 1],
        [0, 1, 0],
        [1, 2, 1],
        [1, 2, 0],
    ];
    let target = Target::Tags(tags(&states));
    let groups = names(&[0, 1, 2, 3, 4, 5]);
    let split = Split::automatic(&target, &groups, 5).reduced(&target, &groups);
    let split = split.unwrap();
    assert_eq!(split, Split::automatic(&target, &groups, 2));
    assert_eq!(split.folds(&target, &groups, 1).unwrap().len(), 2);
}

#[test]
fn what_cannot_be_split_is_named() {
    let groups = names(&[0, 1, 2, 3]);
    let target = Target::Classes(classes(&[0, 1, 2, 0]));
    let message = |split: &Split, target: &Target| {
        let error = split.folds(target, &groups, 1).unwrap_err();
        (error.to_string(), Error::from(error).kind())
    };
    let shuffle = false;
    assert_eq!(
        message(&Split::StratifiedKFold { folds: 2, shuffle }, &target),
        (
            "class class 1: expected 2 rows or more, one for each fold, found 1".into(),
            ErrorKind::DegenerateData
        )
    );
    assert_eq!(
        message(&Split::StratifiedKFold { folds: 2, shuffle }, &values(4)),
        (
            "stratified-k-fold: expected a target of classes, got values".into(),
            ErrorKind::InvalidArgument
        )
    );
    // One class is one class for every split.
    let one = Target::Classes(classes(&[1; 4]));
    for split in [
        Split::KFold { folds: 2, shuffle },
        Split::LeaveOneGroupOut,
        Split::Holdout { fraction: 0.5 },
        Split::StratifiedGroupKFold { folds: 2 },
    ] {
        let (text, kind) = message(&split, &one);
        assert_eq!(
            text,
            "expected rows of 2 classes or more, got 4 rows of class 1 alone"
        );
        assert_eq!(kind, ErrorKind::DegenerateData);
    }
    let split = Split::automatic(&Target::Tags(tags(&[[1; 3]; 4])), &groups, 2);
    let rare = Target::Tags(tags(&[[1, 1, 1], [0, 0, 0], [1, 0, 1], [0, 2, 0]]));
    assert_eq!(
        message(&split, &rare).0,
        "tag tag 1: expected 2 groups or more with a row with it, one for each part of the split, found 1"
    );
    let never_absent = Target::Tags(tags(&[[1, 1, 1], [1, 0, 0], [1, 0, 1], [1, 1, 0]]));
    assert_eq!(
        message(&split, &never_absent).0,
        "tag tag 0: expected 2 groups or more with a row without it, one for each part of the split, found 0"
    );
    assert!(matches!(
        Split::LeaveOneGroupOut.folds(&target, &groups[1..], 1),
        Err(SplitError::Rows {
            expected: 4,
            found: 3
        })
    ));
    let tagged = Target::Tags(tags(&[[0; 3]; 4]));
    for (split, target) in [
        (Split::KFold { folds: 5, shuffle }, &target),
        (Split::StratifiedGroupKFold { folds: 5 }, &target),
        (Split::automatic(&tagged, &groups, 5), &tagged),
    ] {
        let text = "expected 5 rows or more, one for each fold, found 4";
        assert_eq!(message(&split, target).0, text);
    }
    // No size that is merely asked for is allocated.
    for folds in [usize::MAX, 1] {
        for split in [
            Split::StratifiedGroupKFold { folds },
            Split::StratifiedKFold { folds, shuffle },
            Split::GroupKFold { folds, shuffle },
            Split::KFold { folds, shuffle },
            Split::TimeSeries {
                folds,
                gap: 0,
                validation_rows: None,
                max_train_rows: None,
            },
        ] {
            assert!(split.folds(&target, &groups, 1).is_err(), "{split:?}");
        }
    }
}
