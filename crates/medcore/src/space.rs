//! Typed coordinates: a point knows the space it lives in.
//!
//! | space | axes | used by |
//! |---|---|---|
//! | [`Voxel`] | x = column, y = row, z = slice; integers are voxel centres | arrays (indexed `[z, y, x]`) |
//! | [`Lps`] | +x to the patient's left, +y posterior, +z superior, in mm | DICOM (PS3.3 C.7.6.2.1.1), ITK, this workspace |
//! | [`Ras`] | +x to the patient's right, +y anterior, +z superior, in mm | NIfTI, nibabel, FreeSurfer |
//!
//! Going from one to another is always an explicit call: a point in one space is not accepted where another
//! is asked for.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Add, Sub};

use crate::error::{Error, Result};
use crate::matrix::{self, Matrix3};

mod sealed {
    pub trait Sealed {}
}

/// A coordinate space; sealed.
pub trait Space: sealed::Sealed + Copy + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// Name used in messages and `Debug` output.
    const NAME: &'static str;
}

macro_rules! space {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name;
        impl sealed::Sealed for $name {}
        impl Space for $name {
            const NAME: &'static str = stringify!($name);
        }
    };
}
space!(
    /// Array indices, continuous: x = column, y = row, z = slice, voxel centres at integers.
    Voxel
);
space!(
    /// Patient space of DICOM in mm: +x left, +y posterior, +z superior.
    Lps
);
space!(
    /// Patient space of NIfTI in mm: +x right, +y anterior, +z superior.
    Ras
);

/// A position in space `S`.
///
/// ```
/// use medcore::{Lps, Point3, Ras};
/// let p: Point3<Lps> = Point3::new(10.0, -20.0, 30.0);
/// let q: Point3<Ras> = p.to_ras();
/// assert_eq!(q.coords(), [-10.0, 20.0, 30.0]);
/// ```
#[derive(Clone, Copy, PartialEq)]
pub struct Point3<S: Space> {
    /// First coordinate.
    pub x: f64,
    /// Second coordinate.
    pub y: f64,
    /// Third coordinate.
    pub z: f64,
    space: PhantomData<S>,
}

/// A displacement in space `S`: translations do not move it.
#[derive(Clone, Copy, PartialEq)]
pub struct Vector3<S: Space> {
    /// First component.
    pub x: f64,
    /// Second component.
    pub y: f64,
    /// Third component.
    pub z: f64,
    space: PhantomData<S>,
}

macro_rules! triple {
    ($name:ident) => {
        impl<S: Space> $name<S> {
            /// From three coordinates.
            pub const fn new(x: f64, y: f64, z: f64) -> Self {
                Self { x, y, z, space: PhantomData }
            }

            /// From an array `[x, y, z]`.
            pub const fn from_coords([x, y, z]: [f64; 3]) -> Self {
                Self::new(x, y, z)
            }

            /// As an array `[x, y, z]`.
            pub const fn coords(self) -> [f64; 3] {
                [self.x, self.y, self.z]
            }
        }

        impl<S: Space> fmt::Debug for $name<S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}, {}, {})", S::NAME, self.x, self.y, self.z)
            }
        }

        impl $name<Lps> {
            /// The same in RAS: x and y change sign.
            pub const fn to_ras(self) -> $name<Ras> {
                $name::new(-self.x, -self.y, self.z)
            }
        }

        impl $name<Ras> {
            /// The same in LPS: x and y change sign.
            pub const fn to_lps(self) -> $name<Lps> {
                $name::new(-self.x, -self.y, self.z)
            }
        }
    };
}
triple!(Point3);
triple!(Vector3);

impl<S: Space> Point3<S> {
    /// Euclidean distance to another point of the same space.
    pub fn distance(self, other: Self) -> f64 {
        (self - other).length()
    }
}

impl<S: Space> Vector3<S> {
    /// Euclidean length.
    pub fn length(self) -> f64 {
        matrix::norm(self.coords())
    }

    /// Scalar product.
    pub fn dot(self, other: Self) -> f64 {
        matrix::dot(self.coords(), other.coords())
    }

    /// Vector product.
    pub fn cross(self, other: Self) -> Self {
        Self::from_coords(matrix::cross(self.coords(), other.coords()))
    }

    /// The vector times a number.
    pub fn scale(self, factor: f64) -> Self {
        Self::new(self.x * factor, self.y * factor, self.z * factor)
    }
}

impl<S: Space> Sub for Point3<S> {
    type Output = Vector3<S>;
    fn sub(self, other: Self) -> Vector3<S> {
        Vector3::new(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl<S: Space> Add<Vector3<S>> for Point3<S> {
    type Output = Self;
    fn add(self, v: Vector3<S>) -> Self {
        Self::new(self.x + v.x, self.y + v.y, self.z + v.z)
    }
}

/// An affine map from one space to another: `linear * p + offset`.
///
/// ```
/// use medcore::{Affine3, Lps, Point3, Voxel};
/// let scale: Affine3<Voxel, Lps> =
///     Affine3::new([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 2.0]], [-10.0, 0.0, 5.0]);
/// let p = scale.apply(Point3::new(2.0, 0.0, 1.0));
/// assert_eq!(p.coords(), [-9.0, 0.0, 7.0]);
/// let back: Affine3<Lps, Voxel> = scale.inverse()?;
/// assert_eq!(back.apply(p).coords(), [2.0, 0.0, 1.0]);
/// # Ok::<(), medcore::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq)]
pub struct Affine3<From: Space, To: Space> {
    linear: Matrix3,
    offset: [f64; 3],
    spaces: PhantomData<(From, To)>,
}

impl<From: Space, To: Space> Affine3<From, To> {
    /// From the linear part (rows) and the offset.
    pub const fn new(linear: Matrix3, offset: [f64; 3]) -> Self {
        Self { linear, offset, spaces: PhantomData }
    }

    /// From a homogeneous 4 x 4 matrix (rows); the last row is taken to be `0 0 0 1`.
    pub fn from_rows(rows: [[f64; 4]; 4]) -> Self {
        let linear = std::array::from_fn(|r| std::array::from_fn(|c| rows[r][c]));
        Self::new(linear, std::array::from_fn(|r| rows[r][3]))
    }

    /// As a homogeneous 4 x 4 matrix (rows).
    pub fn to_rows(self) -> [[f64; 4]; 4] {
        let mut rows = [[0.0; 4]; 4];
        for (row, (linear, offset)) in rows.iter_mut().zip(self.linear.iter().zip(self.offset)) {
            row[..3].copy_from_slice(linear);
            row[3] = offset;
        }
        rows[3][3] = 1.0;
        rows
    }

    /// The linear part, as rows.
    pub const fn linear(&self) -> Matrix3 {
        self.linear
    }

    /// The image of the origin.
    pub const fn offset(&self) -> [f64; 3] {
        self.offset
    }

    /// Column `axis` of the linear part: the step in `To` for one unit along that axis of `From`.
    pub fn column(&self, axis: usize) -> Vector3<To> {
        Vector3::new(self.linear[0][axis], self.linear[1][axis], self.linear[2][axis])
    }

    /// Maps a point.
    pub fn apply(&self, p: Point3<From>) -> Point3<To> {
        let v = matrix::apply(&self.linear, p.coords());
        Point3::new(v[0] + self.offset[0], v[1] + self.offset[1], v[2] + self.offset[2])
    }

    /// Maps a displacement: the offset plays no part.
    pub fn apply_vector(&self, v: Vector3<From>) -> Vector3<To> {
        Vector3::from_coords(matrix::apply(&self.linear, v.coords()))
    }

    /// First `self`, then `next`.
    pub fn then<Next: Space>(&self, next: &Affine3<To, Next>) -> Affine3<From, Next> {
        let offset = next.apply(Point3::from_coords(self.offset));
        Affine3::new(matrix::multiply(&next.linear, &self.linear), offset.coords())
    }

    /// The map back.
    ///
    /// # Errors
    /// [`Error::SingularAffine`] when there is none, [`Error::NotFinite`] when an entry is not a finite number.
    pub fn inverse(&self) -> Result<Affine3<To, From>> {
        for &found in self.linear.iter().flatten().chain(&self.offset) {
            if !found.is_finite() {
                return Err(Error::NotFinite { what: "an entry of the affine", found });
            }
        }
        let linear = matrix::inverse(&self.linear)
            .ok_or_else(|| Error::SingularAffine { determinant: matrix::determinant(&self.linear) })?;
        let back = matrix::apply(&linear, self.offset);
        Ok(Affine3::new(linear, back.map(|x| -x)))
    }
}

impl<From: Space> Affine3<From, Lps> {
    /// The same map with its result in RAS.
    pub fn to_ras(&self) -> Affine3<From, Ras> {
        Affine3::new(flip_xy(self.linear), [-self.offset[0], -self.offset[1], self.offset[2]])
    }
}

impl<From: Space> Affine3<From, Ras> {
    /// The same map with its result in LPS.
    pub fn to_lps(&self) -> Affine3<From, Lps> {
        Affine3::new(flip_xy(self.linear), [-self.offset[0], -self.offset[1], self.offset[2]])
    }
}

fn flip_xy(m: Matrix3) -> Matrix3 {
    [m[0].map(|x| -x), m[1].map(|x| -x), m[2]]
}

impl<From: Space, To: Space> fmt::Debug for Affine3<From, To> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}->{} {:?} + {:?}", From::NAME, To::NAME, self.linear, self.offset)
    }
}
