//! Splits in which no patient is on two sides.

use std::collections::BTreeSet;

use super::sample::{GroundingSample, Split};

/// Gives each sample without a split one, by its patient (or its image, where the patient is not known): about `validation` and
/// `test` of all patients, the same for the same seed whatever the order of the samples.
pub fn split_by_patient(samples: &mut [GroundingSample], validation: f64, test: f64, seed: u64) {
    for sample in samples.iter_mut().filter(|sample| sample.split.is_none()) {
        let key = sample.patient.as_deref().unwrap_or(&sample.image);
        // 53 bits: 0 to below 1.
        let place = (hash(key, seed) >> 11) as f64 / (1u64 << 53) as f64;
        sample.split = Some(if place < test {
            Split::Test
        } else if place < test + validation {
            Split::Validation
        } else {
            Split::Train
        });
    }
}

/// Patients who are in more than one split, sorted: none in a sound data set.
pub fn shared_patients(samples: &[GroundingSample]) -> Vec<String> {
    let of = |split| -> BTreeSet<&str> {
        samples.iter().filter(|s| s.split == Some(split)).filter_map(|s| s.patient.as_deref()).collect()
    };
    let (train, validation, test) = (of(Split::Train), of(Split::Validation), of(Split::Test));
    let mut shared: BTreeSet<&str> = train.intersection(&validation).copied().collect();
    shared.extend(train.intersection(&test));
    shared.extend(validation.intersection(&test));
    shared.into_iter().map(str::to_string).collect()
}

/// FNV-1a, mixed: the same on every machine.
fn hash(text: &str, seed: u64) -> u64 {
    let fnv = |h: u64, byte: u8| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut h = seed.to_le_bytes().into_iter().chain(text.bytes()).fold(0xcbf2_9ce4_8422_2325, fnv);
    h = (h ^ (h >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    h = (h ^ (h >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(patient: usize, image: usize) -> GroundingSample {
        GroundingSample {
            image: format!("{image}"),
            size: None,
            phrase: "heart".to_string(),
            boxes: Vec::new(),
            patient: Some(format!("{patient}")),
            split: None,
        }
    }

    #[test]
    fn no_patient_is_on_two_sides() {
        let mut samples: Vec<_> = (0..3000).map(|i| sample(i / 3, i)).collect();
        split_by_patient(&mut samples, 0.2, 0.1, 5);
        assert_eq!(shared_patients(&samples), [""; 0]);
        let share = |split| samples.iter().filter(|s| s.split == Some(split)).count() as f64 / 3000.0;
        assert!((share(Split::Validation) - 0.2).abs() < 0.04 && (share(Split::Test) - 0.1).abs() < 0.03);
        let mut turned: Vec<_> = (0..3000).rev().map(|i| sample(i / 3, i)).collect();
        split_by_patient(&mut turned, 0.2, 0.1, 5);
        turned.reverse();
        assert_eq!(turned, samples);
        samples[0].split = Some(Split::Test);
        samples[1].split = Some(Split::Train);
        assert!(shared_patients(&samples).contains(&"0".to_string()));
    }
}
