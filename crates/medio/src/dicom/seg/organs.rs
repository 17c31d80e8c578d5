//! SNOMED CT codes of things that are often segmented, by their names.

use crate::dicom::write::Code;

/// What a name stands for.
pub(super) struct Meaning {
    pub(super) category: Code,
    pub(super) property_type: Code,
    pub(super) modifier: Option<Code>,
}

/// Names in lower case with single spaces and without their side; code; meaning.
const STRUCTURES: [(&str, &str, &str); 50] = [
    ("adrenal gland", "23451007", "Adrenal gland"),
    ("aorta", "15825003", "Aorta"),
    ("bladder", "89837001", "Bladder"),
    ("urinary bladder", "89837001", "Bladder"),
    ("bone", "272673000", "Bone"),
    ("brain", "12738006", "Brain"),
    ("brainstem", "119238007", "Brain Stem"),
    ("breast", "76752008", "Breast"),
    ("cerebellum", "113305005", "Cerebellum"),
    ("clavicle", "51299004", "Clavicle"),
    ("clavicula", "51299004", "Clavicle"),
    ("colon", "71854001", "Colon"),
    ("duodenum", "38848004", "Duodenum"),
    ("esophagus", "32849002", "Esophagus"),
    ("eye", "81745001", "Eye"),
    ("femur", "71341001", "Femur"),
    ("gallbladder", "28231008", "Gallbladder"),
    ("heart", "80891009", "Heart"),
    ("heart atrium left", "82471001", "Left atrium"),
    ("heart atrium right", "73829009", "Right atrium"),
    ("heart ventricle left", "87878005", "Left ventricle"),
    ("heart ventricle right", "53085002", "Right ventricle"),
    ("hip", "29836001", "Hip"),
    ("humerus", "85050009", "Humerus"),
    ("inferior vena cava", "64131007", "Inferior vena cava"),
    ("kidney", "64033007", "Kidney"),
    ("liver", "10200004", "Liver"),
    ("lung", "39607008", "Lung"),
    ("lung lower lobe", "90572001", "Lower lobe of lung"),
    ("lung middle lobe", "72481006", "Middle lobe of right lung"),
    ("lung upper lobe", "45653009", "Upper lobe of lung"),
    ("mandible", "91609006", "Mandible"),
    ("pancreas", "15776009", "Pancreas"),
    ("parotid gland", "45289007", "Parotid gland"),
    ("prostate", "41216001", "Prostate"),
    ("rectum", "34402009", "Rectum"),
    ("rib", "113197003", "Rib"),
    ("sacrum", "54735007", "Sacrum"),
    ("scapula", "79601000", "Scapula"),
    ("skull", "89546000", "Skull"),
    ("small bowel", "30315005", "Small intestine"),
    ("spinal cord", "2748008", "Spinal cord"),
    ("spleen", "78961009", "Spleen"),
    ("sternum", "56873002", "Sternum"),
    ("stomach", "69695003", "Stomach"),
    ("superior vena cava", "48345005", "Superior vena cava"),
    ("thyroid gland", "69748006", "Thyroid"),
    ("trachea", "44567001", "Trachea"),
    ("uterus", "35039007", "Uterus"),
    ("vertebra", "51282000", "Vertebra"),
];

const ABNORMAL: [(&str, &str, &str); 6] = [
    ("edema", "79654002", "Edema"),
    ("lesion", "52988006", "Lesion"),
    ("mass", "4147007", "Mass"),
    ("necrosis", "6574001", "Necrosis"),
    ("nodule", "27925004", "Nodule"),
    ("tumor", "108369006", "Neoplasm"),
];

pub(super) fn meaning_of(name: &str) -> Meaning {
    let words = words(name);
    let whole = words.join(" ");
    if let Some(property_type) = find(&STRUCTURES, &whole) {
        return Meaning { category: structure(), property_type, modifier: None };
    }
    let (sides, rest): (Vec<_>, Vec<_>) = words.into_iter().partition(|w| w == "left" || w == "right");
    let rest = rest.join(" ");
    let modifier = match sides.as_slice() {
        [] => None,
        [side] if side == "left" => Some(Code::sct("7771000", "Left")),
        [_] => Some(Code::sct("24028007", "Right")),
        _ => return unknown(),
    };
    if let Some(property_type) = find(&STRUCTURES, &rest) {
        return Meaning { category: structure(), property_type, modifier };
    }
    if let Some(property_type) = find(&ABNORMAL, &rest) {
        let category = Code::sct("49755003", "Morphologically Abnormal Structure");
        return Meaning { category, property_type, modifier };
    }
    unknown()
}

fn structure() -> Code {
    Code::sct("91723000", "Anatomical Structure")
}

fn unknown() -> Meaning {
    let tissue = || Code::sct("85756007", "Tissue");
    Meaning { category: tissue(), property_type: tissue(), modifier: None }
}

fn words(name: &str) -> Vec<String> {
    name.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(Into::into)
        .collect()
}

fn find(table: &[(&str, &str, &str)], name: &str) -> Option<Code> {
    table.iter().find(|row| row.0 == name).map(|(_, code, meaning)| Code::sct(*code, *meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sides() {
        let of = |name: &str| {
            let m = meaning_of(name);
            (m.property_type.value, m.modifier.map(|m| m.meaning))
        };
        assert_eq!(of("Liver"), ("10200004".into(), None));
        assert_eq!(of("lung_left"), ("39607008".into(), Some("Left".into())));
        assert_eq!(of("Right lung"), ("39607008".into(), Some("Right".into())));
        assert_eq!(of("lung_upper_lobe_left"), ("45653009".into(), Some("Left".into())));
        assert_eq!(of("heart_ventricle_left"), ("87878005".into(), None));
        assert_eq!(of("nodule"), ("27925004".into(), None));
        assert_eq!(of("left right lung"), ("85756007".into(), None));
        assert_eq!(of(""), ("85756007".into(), None));
    }
}
