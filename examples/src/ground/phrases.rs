//! Phrases in a radiograph: what each of them stands for.

use medcore::PixelBox;
use medground::vision::Region;
use medground::{GroundOptions, Hit, PhraseGrounder};

use super::radiograph::Radiograph;
use crate::error::{Error, Result};

/// What is asked without arguments: what is there, and what is not.
pub const PHRASES: [&str; 10] = [
    "right lung",
    "the patient's left lung",
    "both lungs",
    "heart",
    "trachea",
    "right upper lung zone",
    "left lower lung zone",
    "left hip prosthesis",
    "fractured femur",
    "cat",
];

/// A phrase and its boxes.
#[derive(Debug)]
pub struct GroundedPhrase {
    /// The phrase, or the sentence of a report.
    pub phrase: String,
    /// Its boxes in pixels of the radiograph, best first; none for a phrase that is refused.
    pub hits: Vec<Hit>,
    /// The highest score of any box, kept or not.
    pub best_score: f64,
    /// Why a sentence of a report could not be asked, such as too many words.
    pub unasked: Option<medground::Error>,
}

impl GroundedPhrase {
    /// Whether nothing was found.
    pub fn is_refused(&self) -> bool {
        self.hits.is_empty()
    }
}

/// Grounds phrases in a radiograph; the image goes through the backbone once.
///
/// # Errors
/// [`Error::Grounding`] for an empty or too long phrase, an image in colour, one that shows nothing.
pub fn ground_phrases(
    grounder: &PhraseGrounder,
    radiograph: &Radiograph,
    phrases: &[&str],
) -> Result<Vec<GroundedPhrase>> {
    let prepared = grounder.prepare(&radiograph.for_model()?)?;
    let scores = grounder.best_scores(&prepared, phrases)?;
    let hits = grounder.ground_all(&prepared, phrases)?;
    let one = |((phrase, hits), best_score): ((&&str, Vec<Hit>), f64)| {
        let hits = hits.into_iter().map(|hit| placed(hit, radiograph)).collect::<Result<_>>()?;
        Ok(GroundedPhrase { phrase: phrase.to_string(), hits, best_score, unasked: None })
    };
    phrases.iter().zip(hits).zip(scores).map(one).collect()
}

/// Grounds each sentence of a report. One that cannot be asked is kept with the reason.
///
/// # Errors
/// [`Error::Unfit`] for a report without sentences; [`Error::Grounding`] for an image that cannot be used.
pub fn ground_report(
    grounder: &PhraseGrounder,
    radiograph: &Radiograph,
    report: &str,
) -> Result<Vec<GroundedPhrase>> {
    let prepared = grounder.prepare(&radiograph.for_model()?)?;
    let mut grounded = Vec::new();
    for sentence in grounder.ground_report(&prepared, report) {
        let phrase = sentence.text.to_string();
        grounded.push(match sentence.hits {
            Ok(hits) => {
                let best = grounder.best_scores(&prepared, &[sentence.text])?;
                let hits = hits.into_iter().map(|hit| placed(hit, radiograph)).collect::<Result<_>>()?;
                GroundedPhrase {
                    phrase,
                    hits,
                    best_score: best.first().copied().unwrap_or(0.0),
                    unasked: None,
                }
            }
            Err(error) => GroundedPhrase { phrase, hits: Vec::new(), best_score: 0.0, unasked: Some(error) },
        });
    }
    if grounded.is_empty() {
        let expected = "at least one sentence".to_string();
        return Err(Error::Unfit { what: "the report", expected, found: "none".to_string() });
    }
    Ok(grounded)
}

/// The rules of a grounder with another least score.
pub fn with_threshold(grounder: PhraseGrounder, least_score: f64) -> Result<PhraseGrounder> {
    let options = GroundOptions { least_score, ..grounder.options() };
    Ok(grounder.with_options(options)?)
}

/// A box of what the model saw, in the radiograph.
fn placed(hit: Hit, radiograph: &Radiograph) -> Result<Hit> {
    let [x0, y0, x1, y1] = hit.region.bounds().xyxy();
    let width = radiograph.image.width() as f64;
    let bounds = if radiograph.mirrored {
        PixelBox::new(width - x1, y0, width - x0, y1)?
    } else {
        hit.region.bounds()
    };
    Ok(Hit { region: Region::new(bounds, &radiograph.image), ..hit })
}
