//! Standardized uptake values of PET (QIBA FDG-PET/CT profile, appendix on the vendor-neutral computation of SUV).

use super::time::Moment;

/// By what the injected activity is thought to be spread.
///
/// Weight in kg, height in cm. Codes are those of DICOM PS3.16 CID 85.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SuvKind {
    /// Body weight (126401): g/ml.
    BodyWeight,
    /// Lean body mass after James, with 120 for men (126402): 1.10 w - 120 (w/h)², for women 1.07 w - 148 (w/h)².
    LeanBodyMassJames,
    /// Lean body mass after James, with 128 for men as in his report (126405).
    LeanBodyMassJames128,
    /// Lean body mass after Janmahasatian (126406): 9270 w / (6680 + 216 bmi), for women 9270 w / (8780 + 244 bmi).
    LeanBodyMassJanma,
}

/// What a PET image says that its SUV depends on. `None` is what it does not say.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct PetAttributes {
    pub(super) units: String,
    /// SUVType (0054,1006): what values in g/ml are normalized by.
    pub(super) suv_type: String,
    /// CorrectedImage, split.
    pub(super) corrected: Vec<String>,
    pub(super) decay_correction: String,
    pub(super) series: Option<Moment>,
    pub(super) acquisition: Option<Moment>,
    /// GE's own time of the scan (0009,100D).
    pub(super) ge_scan: Option<Moment>,
    /// FrameReferenceTime in ms.
    pub(super) frame_reference_ms: Option<f64>,
    /// ActualFrameDuration in ms.
    pub(super) frame_duration_ms: Option<f64>,
    /// RadiopharmaceuticalStartDateTime.
    pub(super) injection: Option<Moment>,
    /// RadiopharmaceuticalStartTime, in seconds since midnight.
    pub(super) injection_time: Option<f64>,
    /// RadionuclideTotalDose in Bq.
    pub(super) dose: Option<f64>,
    /// RadionuclideHalfLife in s.
    pub(super) half_life: Option<f64>,
    /// PatientWeight in kg.
    pub(super) weight: Option<f64>,
    /// PatientSize in m.
    pub(super) height: Option<f64>,
    /// PatientSex.
    pub(super) sex: String,
    /// Philips: counts to SUV (7053,1000).
    pub(super) philips_suv: Option<f64>,
    /// Philips: counts to Bq/ml (7053,1009).
    pub(super) philips_activity: Option<f64>,
}

/// Why there is no SUV.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum NoSuv {
    /// An attribute is missing, or not a positive number.
    Missing(&'static str),
    /// An attribute says what the computation cannot start from.
    Unfit { attribute: &'static str, expected: &'static str, found: String },
}

/// In Bq. No image is made of less, while some files give MBq, against the standard.
const LEAST_DOSE: f64 = 1e4;
/// After as many half-lives a thousandth is left of the activity: too little for an image, so that the times must be wrong.
const MOST_HALF_LIVES: f64 = 10.0;
/// The two attributes of the injection's time may differ by as many seconds.
const SAME_TIME: f64 = 60.0;

type Result<T> = std::result::Result<T, NoSuv>;

/// The factor from the rescaled values of an image to SUV.
///
/// `first_acquisition` is the earliest time at which any image of the series was acquired.
pub(super) fn factor(pet: &PetAttributes, kind: SuvKind, first_acquisition: Option<Moment>) -> Result<f64> {
    let to_weight = |factor: f64| Ok(factor * normalization(pet, kind)? / weight_g(pet)?);
    match pet.units.as_str() {
        "GML" => match kind_of(pet)? {
            stored if stored == kind => Ok(1.0),
            stored => Ok(normalization(pet, kind)? / normalization(pet, stored)?),
        },
        "BQML" => Ok(normalization(pet, kind)? / dose_at_scan(pet, first_acquisition)?),
        "CNTS" => match (positive(pet.philips_suv), positive(pet.philips_activity)) {
            (Some(factor), _) if kind == SuvKind::BodyWeight => Ok(factor),
            (Some(factor), _) => to_weight(factor),
            (None, Some(activity)) => {
                Ok(activity * normalization(pet, kind)? / dose_at_scan(pet, first_acquisition)?)
            }
            (None, None) => Err(NoSuv::Missing("SUV scale factor (7053,1000) of Philips")),
        },
        "" => Err(NoSuv::Missing("Units")),
        found => {
            Err(NoSuv::Unfit { attribute: "Units", expected: "BQML, GML or CNTS", found: found.to_string() })
        }
    }
}

/// What values in g/ml are (PS3.3 C.8.9.1): by body weight where nothing is said.
fn kind_of(pet: &PetAttributes) -> Result<SuvKind> {
    match pet.suv_type.as_str() {
        "" | "BW" => Ok(SuvKind::BodyWeight),
        "LBM" => Ok(SuvKind::LeanBodyMassJames),
        "LBMJAMES128" => Ok(SuvKind::LeanBodyMassJames128),
        "LBMJANMA" => Ok(SuvKind::LeanBodyMassJanma),
        found => Err(NoSuv::Unfit {
            attribute: "SUVType",
            expected: "BW, LBM, LBMJAMES128 or LBMJANMA",
            found: found.to_string(),
        }),
    }
}

/// The activity that was injected, decayed to the time that the values are corrected to, in Bq.
fn dose_at_scan(pet: &PetAttributes, first_acquisition: Option<Moment>) -> Result<f64> {
    for needed in ["ATTN", "DECY"] {
        if !pet.corrected.iter().any(|c| c == needed) {
            return Err(NoSuv::Unfit {
                attribute: "CorrectedImage",
                expected: "ATTN and DECY",
                found: pet.corrected.join("\\"),
            });
        }
    }
    let dose = positive(pet.dose).ok_or(NoSuv::Missing("RadionuclideTotalDose"))?;
    if dose < LEAST_DOSE {
        return Err(NoSuv::Unfit {
            attribute: "RadionuclideTotalDose",
            expected: "a dose in Bq, above 10 kBq",
            found: dose.to_string(),
        });
    }
    match pet.decay_correction.as_str() {
        // To the injection: nothing has decayed.
        "ADMIN" => Ok(dose),
        "START" => {
            let half_life = positive(pet.half_life).ok_or(NoSuv::Missing("RadionuclideHalfLife"))?;
            let scan = scan_start(pet, half_life, first_acquisition)?;
            let seconds = seconds_since_injection(pet, half_life, scan)?;
            Ok(dose * (-seconds / half_life).exp2())
        }
        "" => Err(NoSuv::Missing("DecayCorrection")),
        found => Err(NoSuv::Unfit {
            attribute: "DecayCorrection",
            expected: "START or ADMIN",
            found: found.to_string(),
        }),
    }
}

/// When the scan started, to which values are corrected.
fn scan_start(pet: &PetAttributes, half_life: f64, first_acquisition: Option<Moment>) -> Result<Moment> {
    let acquisition = first_acquisition.or(pet.acquisition).ok_or(NoSuv::Missing("AcquisitionTime"))?;
    if let Some(series) = pet.series.filter(|series| *series <= acquisition) {
        return Ok(series);
    }
    // A series that claims to be younger than its images was made from another one: its time is of no use.
    if let Some(scan) = pet.ge_scan {
        return Ok(scan);
    }
    back_from_frame(pet, half_life).or_else(|missing| match pet.series {
        // Nothing claims another time than that of the images.
        None => Ok(acquisition),
        Some(_) => Err(missing),
    })
}

/// From the time at which the frame had its average count rate, which FrameReferenceTime counts from the start of the scan.
fn back_from_frame(pet: &PetAttributes, half_life: f64) -> Result<Moment> {
    let acquisition = pet.acquisition.ok_or(NoSuv::Missing("AcquisitionTime"))?;
    let reference = pet.frame_reference_ms.ok_or(NoSuv::Missing("FrameReferenceTime"))? / 1e3;
    let duration = positive(pet.frame_duration_ms).ok_or(NoSuv::Missing("ActualFrameDuration"))? / 1e3;
    let decay = std::f64::consts::LN_2 / half_life;
    let average = (decay * duration / -(-decay * duration).exp_m1()).ln() / decay;
    Ok(acquisition.plus(average - reference))
}

fn seconds_since_injection(pet: &PetAttributes, half_life: f64, scan: Moment) -> Result<f64> {
    let seconds = match (pet.injection, pet.injection_time) {
        (Some(injection), Some(time)) if !is_at(injection, time) => {
            return Err(NoSuv::Unfit {
                attribute: "RadiopharmaceuticalStartDateTime",
                expected: "the time of RadiopharmaceuticalStartTime",
                found: "another one".to_string(),
            });
        }
        (Some(injection), _) => scan.seconds_since(injection),
        // Without a date: on the day of the scan, or, where that is before it, on the day before.
        (None, Some(time)) => (scan.seconds_of_day() - time).rem_euclid(24.0 * 3600.0),
        (None, None) => return Err(NoSuv::Missing("RadiopharmaceuticalStartDateTime")),
    };
    if (0.0..=MOST_HALF_LIVES * half_life).contains(&seconds) {
        return Ok(seconds);
    }
    Err(NoSuv::Unfit {
        attribute: "RadiopharmaceuticalStartDateTime",
        expected: "a time before the scan, by at most 10 half-lives",
        found: format!("{seconds:.0} s before"),
    })
}

/// Whether a moment is at a time of the day, in seconds.
fn is_at(moment: Moment, time: f64) -> bool {
    let apart = (moment.seconds_of_day() - time).abs();
    apart.min(24.0 * 3600.0 - apart) <= SAME_TIME
}

/// What the activity is spread over, in g.
fn normalization(pet: &PetAttributes, kind: SuvKind) -> Result<f64> {
    let weight = weight_g(pet)?;
    if kind == SuvKind::BodyWeight {
        return Ok(weight);
    }
    let height_m = positive(pet.height).ok_or(NoSuv::Missing("PatientSize"))?;
    let male = match pet.sex.as_str() {
        "M" => true,
        "F" => false,
        "" => return Err(NoSuv::Missing("PatientSex")),
        _ => {
            let found = "another value".to_string();
            return Err(NoSuv::Unfit { attribute: "PatientSex", expected: "M or F", found });
        }
    };
    let kg = lean_body_mass(weight / 1e3, height_m, male, kind);
    // The formulas of James turn for very heavy people.
    if kg > 0.0 && kg <= weight / 1e3 {
        return Ok(1e3 * kg);
    }
    Err(NoSuv::Unfit {
        attribute: "PatientWeight and PatientSize",
        expected: "a lean body mass between 0 and the weight",
        found: format!("{:.2} of the weight", kg / (weight / 1e3)),
    })
}

/// In kg, of a weight in kg and a height in m.
fn lean_body_mass(weight: f64, height: f64, male: bool, kind: SuvKind) -> f64 {
    let ratio = (weight / (100.0 * height)).powi(2);
    let bmi = weight / height.powi(2);
    match (kind, male) {
        (SuvKind::BodyWeight, _) => weight,
        (SuvKind::LeanBodyMassJames, true) => 1.10 * weight - 120.0 * ratio,
        (SuvKind::LeanBodyMassJames128, true) => 1.10 * weight - 128.0 * ratio,
        (SuvKind::LeanBodyMassJames | SuvKind::LeanBodyMassJames128, false) => 1.07 * weight - 148.0 * ratio,
        (SuvKind::LeanBodyMassJanma, true) => 9270.0 * weight / (6680.0 + 216.0 * bmi),
        (SuvKind::LeanBodyMassJanma, false) => 9270.0 * weight / (8780.0 + 244.0 * bmi),
    }
}

fn weight_g(pet: &PetAttributes) -> Result<f64> {
    positive(pet.weight).map(|kg| 1e3 * kg).ok_or(NoSuv::Missing("PatientWeight"))
}

fn positive(value: Option<f64>) -> Option<f64> {
    value.filter(|v| v.is_finite() && *v > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Option<Moment> {
        Moment::new("20240229", time)
    }

    /// F-18, one half-life (6586.2 s) after the injection.
    fn pet() -> PetAttributes {
        PetAttributes {
            units: "BQML".into(),
            corrected: ["DECY", "ATTN", "SCAT"].map(String::from).to_vec(),
            decay_correction: "START".into(),
            series: at("114946.2"),
            acquisition: at("115000"),
            injection_time: Some(10.0 * 3600.0),
            dose: Some(4e8),
            half_life: Some(6586.2),
            weight: Some(80.0),
            height: Some(1.8),
            sex: "M".into(),
            ..PetAttributes::default()
        }
    }

    fn body_weight(pet: &PetAttributes) -> Result<f64> {
        factor(pet, SuvKind::BodyWeight, None)
    }

    #[track_caller]
    fn assert_close(found: Result<f64>, expected: f64) {
        let found = found.unwrap();
        assert!((found / expected - 1.0).abs() < 1e-9, "expected {expected}, found {found}");
    }

    #[test]
    fn half_of_the_dose_is_left_after_a_half_life() {
        assert_close(body_weight(&pet()), 80_000.0 / 2e8);
        let admin = PetAttributes { decay_correction: "ADMIN".into(), ..pet() };
        assert_close(body_weight(&admin), 80_000.0 / 4e8);
    }

    #[test]
    fn an_injection_before_midnight() {
        let late = PetAttributes {
            series: at("000000"),
            acquisition: at("000010"),
            injection_time: Some(24.0 * 3600.0 - 6586.2),
            ..pet()
        };
        assert_close(body_weight(&late), 80_000.0 / 2e8);
        let dated =
            PetAttributes { injection: Moment::new("20240228", "221013.8"), injection_time: None, ..late };
        assert_close(body_weight(&dated), 80_000.0 / 2e8);
        let absurd = PetAttributes { injection: Moment::new("20240301", "0000"), ..dated };
        assert!(matches!(body_weight(&absurd), Err(NoSuv::Unfit { .. })));
    }

    #[test]
    fn a_series_younger_than_its_images_has_no_time() {
        let derived = PetAttributes { series: at("170000"), ..pet() };
        assert_eq!(body_weight(&derived), Err(NoSuv::Missing("FrameReferenceTime")));
        let ge = PetAttributes { ge_scan: at("114946.2"), ..derived.clone() };
        assert_close(body_weight(&ge), 80_000.0 / 2e8);
        // The acquisition of this bed began 120 s after the scan; for short frames the average rate is in the middle.
        let siemens = PetAttributes {
            acquisition: at("115146.2"),
            frame_reference_ms: Some(120_500.0),
            frame_duration_ms: Some(1_000.0),
            ..derived
        };
        let found = body_weight(&siemens).unwrap();
        assert!((found / (80_000.0 / 2e8) - 1.0).abs() < 1e-6, "{found}");
    }

    #[test]
    fn the_earliest_image_tells_whether_the_series_is_derived() {
        let second_bed = PetAttributes { acquisition: at("121000"), ..pet() };
        assert_close(factor(&second_bed, SuvKind::BodyWeight, at("115000")), 80_000.0 / 2e8);
        let derived = factor(&second_bed, SuvKind::BodyWeight, at("114000"));
        assert_eq!(derived, Err(NoSuv::Missing("FrameReferenceTime")));
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = |change: fn(&mut PetAttributes)| {
            let mut pet = pet();
            change(&mut pet);
            body_weight(&pet)
        };
        assert_eq!(missing(|p| p.weight = None), Err(NoSuv::Missing("PatientWeight")));
        assert_eq!(missing(|p| p.weight = Some(0.0)), Err(NoSuv::Missing("PatientWeight")));
        assert_eq!(missing(|p| p.dose = None), Err(NoSuv::Missing("RadionuclideTotalDose")));
        assert_eq!(missing(|p| p.half_life = None), Err(NoSuv::Missing("RadionuclideHalfLife")));
        assert_eq!(missing(|p| p.units.clear()), Err(NoSuv::Missing("Units")));
        assert_eq!(missing(|p| p.decay_correction.clear()), Err(NoSuv::Missing("DecayCorrection")));
        assert_eq!(
            missing(|p| p.injection_time = None),
            Err(NoSuv::Missing("RadiopharmaceuticalStartDateTime"))
        );
        assert!(matches!(missing(|p| p.corrected = vec!["DECY".into()]), Err(NoSuv::Unfit { .. })));
        assert!(matches!(missing(|p| p.decay_correction = "NONE".into()), Err(NoSuv::Unfit { .. })));
        assert!(matches!(missing(|p| p.units = "PROPCPS".into()), Err(NoSuv::Unfit { .. })));
    }

    #[test]
    fn values_in_grams_per_ml_are_of_their_own_kind() {
        let stored = |kind: &str| PetAttributes { units: "GML".into(), suv_type: kind.into(), ..pet() };
        assert_close(body_weight(&stored("BW")), 1.0);
        assert_close(factor(&stored("LBM"), SuvKind::LeanBodyMassJames, None), 1.0);
        assert_close(body_weight(&stored("LBM")), 80.0 / 64.296_296_296_296_3);
        let from_weight = factor(&stored(""), SuvKind::LeanBodyMassJanma, None);
        assert_close(from_weight, 61.731_409_544_950_06 / 80.0);
        for other in ["BSA", "IBW"] {
            assert!(matches!(body_weight(&stored(other)), Err(NoSuv::Unfit { attribute: "SUVType", .. })));
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |change: fn(&mut PetAttributes)| {
            let mut pet = pet();
            change(&mut pet);
            match body_weight(&pet) {
                Err(NoSuv::Unfit { attribute, .. }) => attribute,
                other => panic!("{other:?}"),
            }
        };
        // In MBq.
        assert_eq!(refused(|p| p.dose = Some(400.0)), "RadionuclideTotalDose");
        // An injection a minute after the scan is not one a day before.
        let date_time = "RadiopharmaceuticalStartDateTime";
        assert_eq!(refused(|p| p.injection_time = Some(11.0 * 3600.0 + 50.0 * 60.0 + 46.2)), date_time);
        assert_eq!(refused(|p| p.injection = at("080000")), date_time);
        let both = PetAttributes { injection: at("100000.5"), ..pet() };
        assert!(body_weight(&both).is_ok());
    }

    #[test]
    fn philips_counts() {
        let counts = PetAttributes { units: "CNTS".into(), philips_suv: Some(0.25), ..pet() };
        assert_close(body_weight(&counts), 0.25);
        let activity = PetAttributes { philips_suv: Some(0.0), philips_activity: Some(3.0), ..counts };
        assert_close(body_weight(&activity), 3.0 * 80_000.0 / 2e8);
        assert!(body_weight(&PetAttributes { philips_activity: None, ..activity }).is_err());
        assert_close(body_weight(&PetAttributes { units: "GML".into(), ..pet() }), 1.0);
    }

    #[test]
    fn lean_body_mass_of_a_man_and_a_woman() {
        let kinds = [SuvKind::LeanBodyMassJames, SuvKind::LeanBodyMassJames128, SuvKind::LeanBodyMassJanma];
        // For 80 kg and 180 cm, and for 60 kg and 165 cm.
        for (kind, man, woman) in [
            (kinds[0], 64.296_296_296_296_3, 44.629_752_066_115_71),
            (kinds[1], 62.716_049_382_716_05, 44.629_752_066_115_71),
            (kinds[2], 61.731_409_544_950_06, 39.286_845_659_001_31),
        ] {
            assert!((lean_body_mass(80.0, 1.8, true, kind) - man).abs() < 1e-9, "{kind:?}");
            assert!((lean_body_mass(60.0, 1.65, false, kind) - woman).abs() < 1e-9, "{kind:?}");
        }
        let lean = factor(&pet(), kinds[0], None).unwrap();
        assert!((lean - 64_296.296_296_3 / 2e8).abs() < 1e-12);
        let other = PetAttributes { sex: "O".into(), ..pet() };
        assert!(matches!(factor(&other, kinds[0], None), Err(NoSuv::Unfit { .. })));
        let heavy = PetAttributes { weight: Some(400.0), ..pet() };
        assert!(matches!(factor(&heavy, kinds[0], None), Err(NoSuv::Unfit { .. })));
    }
}
