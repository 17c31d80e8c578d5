//! Which images make up a volume together.

use std::collections::BTreeMap;
use std::sync::Arc;

use dicom_dictionary_std::uids;

use super::header::{Distinctions, Header};
use super::series::{Series, Split, SplitBy};
use super::stack;
use super::text::Text;

/// Direction cosines of one volume may differ by rounding: this much moves the far corner of a slice by less than 0.05 mm.
const SAME_DIRECTION: f64 = 1e-4;
/// Pixel spacings of one volume, relative.
const SAME_SPACING: f64 = 1e-4;

/// So many planes are compared with each other; what is beyond is a series of its own. Those of scanners are far fewer, and
/// time must not grow with the square of what a file claims.
const MOST_PLANES: usize = 1000;

/// An attribute and how to read it from a header.
type Attribute = (SplitBy, fn(&Distinctions) -> Option<&Text>);

/// What tells repeated positions of one series apart, the most telling first.
const ATTRIBUTES: [Attribute; 12] = [
    (SplitBy::Segment, |d| d.segment.as_ref()),
    (SplitBy::StackId, |d| d.stack_id.as_ref()),
    (SplitBy::EchoNumber, |d| d.echo_number.as_ref()),
    (SplitBy::EchoTime, |d| d.echo_time.as_ref()),
    (SplitBy::BValue, |d| d.b_value.as_ref()),
    (SplitBy::Gradient, |d| d.gradient.as_ref()),
    (SplitBy::RrInterval, |d| d.rr_interval.as_ref()),
    (SplitBy::TemporalPosition, |d| d.temporal_position.as_ref()),
    (SplitBy::TriggerTime, |d| d.trigger_time.as_ref()),
    (SplitBy::ImageType, |d| d.image_type.as_ref()),
    (SplitBy::AcquisitionNumber, |d| d.acquisition_number.as_ref()),
    (SplitBy::AcquisitionTime, |d| d.acquisition_time.as_ref()),
];

/// Images on their way to becoming a series.
struct Group {
    headers: Vec<Header>,
    split: Vec<Split>,
}

/// Groups images by SeriesInstanceUID and by what splits one series into several volumes.
pub(super) fn group(headers: Vec<Header>) -> Vec<Series> {
    let mut by_uid: BTreeMap<Text, Vec<Header>> = BTreeMap::new();
    for header in headers {
        by_uid.entry(header.series_uid.clone()).or_default().push(header);
    }
    let mut all: Vec<_> = by_uid.into_values().flat_map(split_by_plane).flat_map(split_repeated).collect();
    // Stable: the volumes of one series stay in the order of their splits.
    all.sort_by_key(|group| group.headers.first().and_then(|h| h.series_number).unwrap_or(i64::MAX));
    all.into_iter().map(|group| Series::new(group.headers, group.split)).collect()
}

/// The same pixel grid, up to a shift.
fn split_by_plane(headers: Vec<Header>) -> Vec<Group> {
    let mut clusters: Vec<Vec<Header>> = Vec::new();
    for header in headers {
        // An image that need not be placed, and is not, has no neighbours: it is a volume of its own.
        let alone = header.count > 1 || (header.position.is_none() && !header.must_have_position());
        let same = |cluster: &Vec<Header>| cluster.first().is_some_and(|c| difference(c, &header).is_none());
        let found = if alone { None } else { clusters.iter().take(MOST_PLANES).position(same) };
        match found.and_then(|index| clusters.get_mut(index)) {
            Some(cluster) => cluster.push(header),
            None => clusters.push(vec![header]),
        }
    }
    // What a cluster is named by: in what any of the others differs from it.
    let names: Vec<_> = (0..clusters.len()).map(|index| plane_names(&clusters, index)).collect();
    clusters.into_iter().zip(names).map(|(headers, split)| Group { headers, split }).collect()
}

fn plane_names(clusters: &[Vec<Header>], index: usize) -> Vec<Split> {
    let Some(own) = clusters.get(index).and_then(|c| c.first()) else { return Vec::new() };
    let mut names: Vec<SplitBy> = Vec::new();
    for other in clusters
        .iter()
        .take(MOST_PLANES)
        .enumerate()
        .filter(|(i, _)| *i != index)
        .filter_map(|(_, c)| c.first())
    {
        names.push(difference(other, own).unwrap_or(SplitBy::NoPosition));
    }
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|by| Split { by, value: plane_value(own, by) }).collect()
}

fn plane_value(header: &Header, by: SplitBy) -> String {
    // Adding 0 takes the sign from one that is negative.
    let numbers = |x: &[f64]| x.iter().map(|x| (x + 0.0).to_string()).collect::<Vec<_>>().join("\\");
    match by {
        SplitBy::SopClass => header.sop_class.to_string(),
        SplitBy::Size => format!("{}x{}", header.rows.unwrap_or(0), header.columns.unwrap_or(0)),
        SplitBy::Colour => header.photometric.to_string(),
        SplitBy::Orientation => header.orientation.map(|o| numbers(&o)).unwrap_or_default(),
        SplitBy::PixelSpacing => header.pixel_spacing.map(|s| numbers(&s)).unwrap_or_default(),
        SplitBy::Localizer => if is_localizer(header) { "LOCALIZER" } else { "" }.to_string(),
        SplitBy::Instance => header.instance_number.map(|n| n.to_string()).unwrap_or_default(),
        SplitBy::FrameOfReference => header.frame_of_reference.to_string(),
        _ => {
            let run = RUNS.iter().find(|(run, _)| *run == by);
            run.and_then(|(_, of)| of(&header.distinctions)).map(|text| text.to_string()).unwrap_or_default()
        }
    }
}

/// What tells sequences of one file apart.
const RUNS: [Attribute; 4] = [
    (SplitBy::EnergyWindow, |d| d.energy_window.as_ref()),
    (SplitBy::Detector, |d| d.detector.as_ref()),
    (SplitBy::Rotation, |d| d.rotation.as_ref()),
    (SplitBy::RrInterval, |d| d.rr_interval.as_ref()),
];

/// The first respect in which two sequences of one file differ.
fn run_difference(a: &Header, b: &Header) -> Option<SplitBy> {
    let differs = |(_, of): &&Attribute| of(&a.distinctions) != of(&b.distinctions);
    let is_run = Arc::ptr_eq(&a.file, &b.file) && a.position.is_none() && a.frames > 1;
    RUNS.iter().filter(|_| is_run).find(differs).map(|(by, _)| *by)
}

/// The first respect in which two images cannot be slices of one volume.
fn difference(a: &Header, b: &Header) -> Option<SplitBy> {
    let close = |a: &[f64], b: &[f64], tolerance: f64| {
        a.len() == b.len() && a.iter().zip(b).all(|(x, y)| (x - y).abs() <= tolerance)
    };
    let a_spacing = a.pixel_spacing.as_ref().map_or(&[][..], |s| s);
    let b_spacing = b.pixel_spacing.as_ref().map_or(&[][..], |s| s);
    let a_direction = a.orientation.as_ref().map_or(&[][..], |o| o);
    let b_direction = b.orientation.as_ref().map_or(&[][..], |o| o);
    let spacing_tolerance = SAME_SPACING * a_spacing.first().copied().unwrap_or(1.0).abs();
    if a.sop_class != b.sop_class {
        Some(SplitBy::SopClass)
    } else if (a.is_segmentation() || is_dose_grid(a) || is_dose_grid(b)) && !Arc::ptr_eq(&a.file, &b.file) {
        Some(SplitBy::Instance)
    } else if (a.rows, a.columns) != (b.rows, b.columns) {
        Some(SplitBy::Size)
    } else if (a.samples_per_pixel, &a.photometric) != (b.samples_per_pixel, &b.photometric) {
        Some(SplitBy::Colour)
    } else if a.frame_of_reference != b.frame_of_reference {
        Some(SplitBy::FrameOfReference)
    } else if is_localizer(a) != is_localizer(b) {
        Some(SplitBy::Localizer)
    } else if !close(a_direction, b_direction, SAME_DIRECTION) {
        Some(SplitBy::Orientation)
    } else if !close(a_spacing, b_spacing, spacing_tolerance) {
        Some(SplitBy::PixelSpacing)
    } else if !b.must_have_position() && a.position.is_some() != b.position.is_some() {
        Some(SplitBy::NoPosition)
    } else {
        run_difference(a, b)
    }
}

/// A dose of several planes is whole: others of its series are no planes of it.
fn is_dose_grid(header: &Header) -> bool {
    header.sop_class == uids::RT_DOSE_STORAGE && header.frames > 1
}

/// The third value of ImageType tells CT localizers from slices (PS3.3 C.8.2.1.1.1).
fn is_localizer(header: &Header) -> bool {
    let image_type = header.distinctions.image_type.as_deref().unwrap_or_default();
    image_type.split('\\').nth(2).is_some_and(|value| value.trim() == "LOCALIZER")
}

/// Splits where positions repeat, by the attributes that then repeat fewer of them.
fn split_repeated(group: Group) -> Vec<Group> {
    // The segments of a segmentation share their places.
    let is_segmentation = group.headers.first().is_some_and(|h| h.is_segmentation());
    let mut groups = vec![group];
    if is_segmentation {
        sort_all(&mut groups);
        return groups;
    }
    for (by, attribute) in ATTRIBUTES {
        groups = groups.into_iter().flat_map(|group| split_by(group, by, attribute)).collect();
    }
    groups = groups.into_iter().flat_map(split_mosaics).collect();
    sort_all(&mut groups);
    groups
}

fn sort_all(groups: &mut [Group]) {
    for group in groups {
        stack::sort(&mut group.headers);
    }
}

/// A mosaic holds a whole volume: where several have the same places, each is one.
fn split_mosaics(mut group: Group) -> Vec<Group> {
    stack::sort(&mut group.headers);
    let is_mosaic = group.headers.iter().all(|h| h.mosaic.is_some());
    if !is_mosaic || stack::repeated_positions(&group.headers) == 0 {
        return vec![group];
    }
    let mut files: BTreeMap<_, Vec<Header>> = BTreeMap::new();
    for header in group.headers {
        let number = header.instance_number.unwrap_or(i64::MAX);
        files.entry((number, header.path.clone())).or_default().push(header);
    }
    let named = |headers: Vec<Header>| {
        let value = headers.first().map(|h| plane_value(h, SplitBy::Instance)).unwrap_or_default();
        let split = group.split.iter().cloned().chain([Split { by: SplitBy::Instance, value }]).collect();
        Group { headers, split }
    };
    files.into_values().map(named).collect()
}

fn split_by(mut group: Group, by: SplitBy, attribute: fn(&Distinctions) -> Option<&Text>) -> Vec<Group> {
    stack::sort(&mut group.headers);
    let repeated = stack::repeated_positions(&group.headers);
    if repeated == 0 {
        return vec![group];
    }
    let mut parts: BTreeMap<NumberOrText, Vec<Header>> = BTreeMap::new();
    for header in &group.headers {
        let value = attribute(&header.distinctions).map_or("", |text| text);
        parts.entry(NumberOrText::new(value.to_string())).or_default().push(header.clone());
    }
    // An attribute that differs from image to image would make volumes of one slice, all because one position is repeated.
    if parts.len() > stack::most_at_one_position(&group.headers) {
        return vec![group];
    }
    // Times differ for many reasons: only those that the images fill equally are times of volumes.
    if by == SplitBy::AcquisitionTime && !are_equally_long(parts.values()) {
        return vec![group];
    }
    let left: usize = parts.values().map(|headers| stack::repeated_positions(headers)).sum();
    if left >= repeated {
        return vec![group];
    }
    let named = |(value, headers): (NumberOrText, Vec<Header>)| {
        let mut split = group.split.clone();
        split.push(Split { by, value: value.text });
        Group { headers, split }
    };
    parts.into_iter().map(named).collect()
}

fn are_equally_long<'a>(mut parts: impl Iterator<Item = &'a Vec<Header>>) -> bool {
    let length = parts.next().map_or(0, Vec::len);
    parts.all(|part| part.len() == length)
}

/// A value that sorts as a number where it is one: b-value 50 before 1000.
#[derive(PartialEq)]
struct NumberOrText {
    number: f64,
    text: String,
}

impl NumberOrText {
    fn new(text: String) -> Self {
        Self { number: text.parse().unwrap_or(f64::MAX), text }
    }
}

impl Eq for NumberOrText {}

impl Ord for NumberOrText {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.number.total_cmp(&other.number).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for NumberOrText {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dicom::header::FileHeader;

    /// Two slices at each of the echoes (number, time).
    fn echoes(echoes: &[(Option<&str>, &str)]) -> Vec<Header> {
        let mut headers = Vec::new();
        for (number, time) in echoes {
            for z in [0.0, 2.0] {
                let mut header = Header {
                    position: Some([0.0, 0.0, z]),
                    orientation: Some([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
                    ..Header::default()
                };
                header.distinctions.echo_number = number.map(Text::from);
                header.distinctions.echo_time = Some(Text::from(*time));
                headers.push(header);
            }
        }
        headers
    }

    fn names(headers: Vec<Header>) -> Vec<Vec<(SplitBy, String)>> {
        let name = |series: &Series| series.split().iter().map(|s| (s.by, s.value.clone())).collect();
        group(headers).iter().map(name).collect()
    }

    #[test]
    fn echoes_are_told_by_number_then_by_time() {
        let number = |n: &str| (SplitBy::EchoNumber, n.to_string());
        let time = |t: &str| (SplitBy::EchoTime, t.to_string());
        assert_eq!(names(echoes(&[(Some("2"), "9"), (Some("1"), "5")])), [[number("1")], [number("2")]]);
        assert_eq!(names(echoes(&[(Some("1"), "9"), (Some("1"), "5")])), [[time("5")], [time("9")]]);
        assert_eq!(names(echoes(&[(None, "12.5"), (None, "4.6")])), [[time("4.6")], [time("12.5")]]);
    }

    #[test]
    fn a_split_has_no_more_parts_than_images_at_one_position() {
        let mut headers = echoes(&[(None, "5"), (None, "5")]);
        for (k, header) in headers.iter_mut().enumerate() {
            header.distinctions.acquisition_number = Some(Text::from(k.to_string().as_str()));
        }
        assert_eq!(names(headers.clone()), [vec![]]);
        for (k, header) in headers.iter_mut().enumerate() {
            header.distinctions.acquisition_number = Some(Text::from((k / 2).to_string().as_str()));
        }
        let acquisition = |n: &str| (SplitBy::AcquisitionNumber, n.to_string());
        assert_eq!(names(headers), [[acquisition("0")], [acquisition("1")]]);
    }

    /// Slices at two positions that a change tells apart from the same slices without it.
    fn told_apart_by(change: impl Fn(&mut FileHeader, &mut Header)) -> Vec<Vec<SplitBy>> {
        let mut headers = echoes(&[(None, "5")]);
        for header in headers.clone() {
            let mut file = FileHeader { frames: 1, ..FileHeader::default() };
            let mut other = header;
            change(&mut file, &mut other);
            headers.push(Header { file: Arc::new(file), ..other });
        }
        group(headers).iter().map(|s| s.split().iter().map(|s| s.by).collect()).collect()
    }

    #[test]
    fn everything_that_splits() {
        let text = || Some(Text::from("2"));
        type Change = Box<dyn Fn(&mut FileHeader, &mut Header)>;
        let turned = [0.0, 1.0, 0.0, -1.0, 0.0, 0.0];
        let cases: Vec<(SplitBy, Change)> = vec![
            (SplitBy::SopClass, Box::new(|f, _| f.sop_class = Text::from("1.2"))),
            (SplitBy::Size, Box::new(|f, _| f.rows = Some(9))),
            (SplitBy::Colour, Box::new(|f, _| f.photometric = Text::from("RGB"))),
            (SplitBy::FrameOfReference, Box::new(|f, _| f.frame_of_reference = Text::from("1.2"))),
            (
                SplitBy::Localizer,
                Box::new(|_, h| h.distinctions.image_type = Some(Text::from("A\\B\\LOCALIZER"))),
            ),
            (SplitBy::Orientation, Box::new(move |_, h| h.orientation = Some(turned))),
            (SplitBy::PixelSpacing, Box::new(|_, h| h.pixel_spacing = Some([1.0, 1.0]))),
            (SplitBy::Segment, Box::new(move |_, h| h.distinctions.segment = text())),
            (SplitBy::StackId, Box::new(move |_, h| h.distinctions.stack_id = text())),
            (SplitBy::EchoNumber, Box::new(move |_, h| h.distinctions.echo_number = text())),
            (SplitBy::EchoTime, Box::new(move |_, h| h.distinctions.echo_time = text())),
            (SplitBy::BValue, Box::new(move |_, h| h.distinctions.b_value = text())),
            (SplitBy::Gradient, Box::new(move |_, h| h.distinctions.gradient = text())),
            (SplitBy::TemporalPosition, Box::new(move |_, h| h.distinctions.temporal_position = text())),
            (SplitBy::TriggerTime, Box::new(move |_, h| h.distinctions.trigger_time = text())),
            (SplitBy::ImageType, Box::new(move |_, h| h.distinctions.image_type = text())),
            (SplitBy::AcquisitionNumber, Box::new(move |_, h| h.distinctions.acquisition_number = text())),
            (SplitBy::AcquisitionTime, Box::new(move |_, h| h.distinctions.acquisition_time = text())),
        ];
        for (by, change) in cases {
            assert_eq!(told_apart_by(change), [[by], [by]], "{by:?}");
        }
        // Each image without a place is alone.
        let found = told_apart_by(|_, h| h.position = None);
        assert_eq!(found, [[SplitBy::NoPosition]; 3]);
    }

    #[test]
    fn a_dose_of_several_planes_is_whole() {
        let file = |frames: u32| {
            let sop_class = Text::from(uids::RT_DOSE_STORAGE);
            Arc::new(FileHeader { frames, sop_class, ..FileHeader::default() })
        };
        let grid = file(2);
        let at = |file: &Arc<FileHeader>, frame: u32, z: f64| Header {
            file: file.clone(),
            frame,
            position: Some([0.0, 0.0, z]),
            orientation: Some([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
            ..Header::default()
        };
        let mut headers = vec![at(&grid, 0, 0.0), at(&grid, 1, 2.0)];
        headers.extend([4.0, 6.0].map(|z| at(&file(1), 0, z)));
        let found: Vec<_> = group(headers).iter().map(|s| (s.frames(), s.split()[0].by)).collect();
        assert_eq!(found, [(2, SplitBy::Instance), (2, SplitBy::Instance)]);
    }

    #[test]
    fn a_zero_has_no_sign() {
        let turned = Header { orientation: Some([0.0, 1.0, -0.0, -1.0, -0.0, 0.0]), ..Header::default() };
        assert_eq!(plane_value(&turned, SplitBy::Orientation), "0\\1\\0\\-1\\0\\0");
    }

    #[test]
    fn thousands_of_planes_take_no_time() {
        let turned = |k: u32| {
            let a = f64::from(k) * 1e-3;
            let orientation = Some([a.cos(), a.sin(), 0.0, -a.sin(), a.cos(), 0.0]);
            Header { position: Some([0.0; 3]), orientation, ..Header::default() }
        };
        assert!(group((0..5000).map(turned).collect()).len() >= MOST_PLANES);
    }
}
