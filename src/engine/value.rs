//! A value of a pass: one or more planes (heads), matrices of equal shape.
//!
//! Rows are positions, as in the papers. A value has numbers and a shape, but no name. Weights of a checkpoint may
//! stay in their file ([`Stored`]), and planes may be computed only when they are asked for ([`Deferred`]).

mod buffers;
mod deferred;
mod large_pages;

use std::{
    fmt, mem,
    ops::Range,
    sync::{Arc, OnceLock},
};

pub use buffers::{blank, copied};
pub use deferred::{Deferred, MOST_KEPT, Plane};

/// A dense f32 matrix; rows are positions.
pub type Matrix = nalgebra::DMatrix<f32>;

/// The place of one number inside a [`Value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Cell {
    pub plane: usize,
    pub row: usize,
    pub col: usize,
}

impl Cell {
    pub const fn new(plane: usize, row: usize, col: usize) -> Self {
        Self { plane, row, col }
    }

    /// This cell relative to an origin; None if it lies before it.
    pub fn counted_from(self, origin: Self) -> Option<Self> {
        Some(Self {
            plane: self.plane.checked_sub(origin.plane)?,
            row: self.row.checked_sub(origin.row)?,
            col: self.col.checked_sub(origin.col)?,
        })
    }
}

/// The place of one number in a plane, or in a table of a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PlaneCell {
    pub row: usize,
    pub col: usize,
}

impl PlaneCell {
    pub const fn new(row: usize, col: usize) -> Self {
        Self { row, col }
    }
}

/// Numbers of rows and columns of a plane, or of a table of a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub rows: usize,
    pub cols: usize,
}

impl Extent {
    /// Of what has no cells.
    pub const NONE: Self = Self::new(0, 0);

    pub const fn new(rows: usize, cols: usize) -> Self {
        Self { rows, cols }
    }

    pub fn of(matrix: &Matrix) -> Self {
        Self::new(matrix.nrows(), matrix.ncols())
    }

    pub const fn is_empty(self) -> bool {
        self.rows == 0 || self.cols == 0
    }
}

/// Planes, rows and columns of a [`Value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub planes: usize,
    pub rows: usize,
    pub cols: usize,
}

impl Shape {
    pub const fn len(self) -> usize {
        self.planes * self.rows * self.cols
    }

    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub const fn holds(self, cell: Cell) -> bool {
        cell.plane < self.planes && cell.row < self.rows && cell.col < self.cols
    }

    /// Every cell, plane by plane, row by row.
    pub fn cells(self) -> impl Iterator<Item = Cell> {
        (0..self.len()).map(move |i| {
            let (row_index, col) = (i / self.cols, i % self.cols);
            Cell::new(row_index / self.rows, row_index % self.rows, col)
        })
    }
}

/// The number of lines that weights are stored in, and of numbers in each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredSize {
    pub n_lines: usize,
    pub len: usize,
}

impl StoredSize {
    pub const fn new(n_lines: usize, len: usize) -> Self {
        Self { n_lines, len }
    }
}

/// Weights that stay in their file: lines of equal length. A line is a row of the tensor in the file, of any dtype,
/// decoded when it is read.
pub trait Stored: Send + Sync {
    fn size(&self) -> StoredSize;

    /// One number, decoded.
    fn number(&self, line: usize, i: usize) -> f32;

    /// Decodes lines into `out`, one after another.
    fn read(&self, lines: Range<usize>, out: &mut [f32]);

    /// The numbers in a block: a range that is decoded alone begins and ends at block boundaries.
    fn block(&self) -> usize {
        1
    }

    /// Decodes a range of a line, in whole blocks.
    fn read_part(&self, line: usize, numbers: Range<usize>, out: &mut [f32]);

    /// The numbers in place and the stride from line to line; None if they are not aligned f32.
    fn as_f32_slice(&self) -> Option<(&[f32], usize)> {
        None
    }

    /// The other matrix and the product that are added up to these numbers, where that is how they are stored: products
    /// with the two apart are faster.
    fn low_rank(&self) -> Option<LowRank<'_>> {
        None
    }
}

/// A stored matrix plus a product of two thin ones (Hu et al. 2022, LoRA, eq. 3), line by line.
#[derive(Clone, Copy)]
pub struct LowRank<'a> {
    pub base: &'a Arc<dyn Stored>,
    /// (line, rank)
    pub left: &'a Matrix,
    /// (rank, number of a line)
    pub right: &'a Matrix,
}

/// Whether the lines of a [`Stored`] are rows or columns of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// Line r is row r: an embedding table (vocab, channel).
    Rows,
    /// Line c is column c: a linear map (in, out) whose file has (out, in).
    Columns,
}

/// A stored matrix, and its decoded form once that was requested.
#[derive(Clone)]
pub struct StoredMatrix {
    pub source: Arc<dyn Stored>,
    pub lines: Lines,
    decoded: OnceLock<Vec<Matrix>>,
}

impl StoredMatrix {
    pub const fn new(source: Arc<dyn Stored>, lines: Lines) -> Self {
        Self { source, lines, decoded: OnceLock::new() }
    }

    fn shape(&self) -> (usize, usize) {
        let StoredSize { n_lines: n, len } = self.source.size();
        match self.lines {
            Lines::Rows => (n, len),
            Lines::Columns => (len, n),
        }
    }

    fn get(&self, row: usize, col: usize) -> f32 {
        match self.lines {
            Lines::Rows => self.source.number(row, col),
            Lines::Columns => self.source.number(col, row),
        }
    }

    fn decoded(&self) -> &[Matrix] {
        self.decoded.get_or_init(|| {
            let StoredSize { n_lines: n, len } = self.source.size();
            let mut columns = Matrix::zeros(len, n);
            self.source.read(0..n, columns.as_mut_slice());
            vec![match self.lines {
                Lines::Rows => columns.transpose(),
                Lines::Columns => columns,
            }]
        })
    }
}

/// One or more planes of the same shape.
pub struct Value {
    numbers: Numbers,
}

enum Numbers {
    Dense(Vec<Matrix>),
    Stored(StoredMatrix),
    Deferred(Deferred),
}

impl Clone for Value {
    fn clone(&self) -> Self {
        let numbers = match &self.numbers {
            Numbers::Dense(planes) => Numbers::Dense(planes.iter().map(copied).collect()),
            Numbers::Stored(kept) => Numbers::Stored(kept.clone()),
            Numbers::Deferred(deferred) => Numbers::Deferred(deferred.clone()),
        };
        Self { numbers }
    }
}

/// Returns the buffers of its planes for reuse.
impl Drop for Value {
    fn drop(&mut self) {
        if let Numbers::Dense(planes) = &mut self.numbers {
            mem::take(planes).into_iter().for_each(buffers::give_back);
        }
    }
}

/// An empty matrix.
impl Default for Value {
    fn default() -> Self {
        Self::of(vec![Matrix::zeros(0, 0)])
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.planes()).finish()
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.planes() == other.planes()
    }
}

impl From<Matrix> for Value {
    fn from(matrix: Matrix) -> Self {
        Self::of(vec![matrix])
    }
}

impl Value {
    /// # Panics
    /// If there is no plane, or if the planes differ in shape: a fault in an operation, never in input.
    pub fn from_planes(planes: Vec<Matrix>) -> Self {
        assert!(!planes.is_empty(), "a value has at least one plane");
        assert!(planes.iter().all(|p| p.shape() == planes[0].shape()), "planes differ in shape");
        Self::of(planes)
    }

    const fn of(planes: Vec<Matrix>) -> Self {
        Self { numbers: Numbers::Dense(planes) }
    }

    /// A matrix that stays in its file.
    pub fn stored(source: Arc<dyn Stored>, lines: Lines) -> Self {
        Self { numbers: Numbers::Stored(StoredMatrix::new(source, lines)) }
    }

    /// A value whose planes are computed when they are asked for.
    pub const fn deferred(deferred: Deferred) -> Self {
        Self { numbers: Numbers::Deferred(deferred) }
    }

    pub const fn is_deferred(&self) -> bool {
        matches!(self.numbers, Numbers::Deferred(_))
    }

    /// The stored form; None for another value.
    pub const fn as_stored(&self) -> Option<&StoredMatrix> {
        match &self.numbers {
            Numbers::Stored(kept) => Some(kept),
            Numbers::Dense(_) | Numbers::Deferred(_) => None,
        }
    }

    pub fn zeros(shape: Shape) -> Self {
        Self::of(vec![Matrix::zeros(shape.rows, shape.cols); shape.planes])
    }

    /// A matrix from numbers in row-major order, the order of checkpoint files.
    pub fn from_rows(rows: usize, cols: usize, numbers: &[f32]) -> Self {
        Matrix::from_row_slice(rows, cols, numbers).into()
    }

    pub fn shape(&self) -> Shape {
        let (planes, (rows, cols)) = match &self.numbers {
            Numbers::Dense(planes) => (planes.len(), planes[0].shape()),
            Numbers::Stored(kept) => (1, kept.shape()),
            Numbers::Deferred(deferred) => return deferred.shape,
        };
        Shape { planes, rows, cols }
    }

    /// All planes; a stored matrix is decoded completely, once, as are deferred planes computed.
    pub fn planes(&self) -> &[Matrix] {
        match &self.numbers {
            Numbers::Dense(planes) => planes,
            Numbers::Stored(kept) => kept.decoded(),
            Numbers::Deferred(deferred) => deferred.all(),
        }
    }

    /// The planes for writing; a stored or deferred value becomes dense.
    pub fn planes_mut(&mut self) -> &mut [Matrix] {
        if !matches!(self.numbers, Numbers::Dense(_)) {
            self.numbers = Numbers::Dense(self.planes().to_vec());
        }
        match &mut self.numbers {
            Numbers::Dense(planes) => planes,
            Numbers::Stored(_) | Numbers::Deferred(_) => unreachable!("made dense above"),
        }
    }

    pub fn plane(&self, plane: usize) -> &Matrix {
        &self.planes()[plane]
    }

    /// A plane; of a deferred value this one alone, kept until others are asked for.
    pub fn one_plane(&self, plane: usize) -> Plane<'_> {
        match &self.numbers {
            Numbers::Deferred(deferred) => deferred.plane(plane),
            Numbers::Dense(_) | Numbers::Stored(_) => Plane::Kept(self.plane(plane)),
        }
    }

    /// The same for those who need each plane once: a computed one is not kept.
    pub fn passing_plane(&self, plane: usize) -> Plane<'_> {
        match &self.numbers {
            Numbers::Deferred(deferred) => deferred.passing(plane),
            Numbers::Dense(_) | Numbers::Stored(_) => Plane::Kept(self.plane(plane)),
        }
    }

    /// The first plane, which is the matrix of a one-plane value.
    pub fn matrix(&self) -> &Matrix {
        self.plane(0)
    }

    pub fn get(&self, cell: Cell) -> f32 {
        match &self.numbers {
            Numbers::Dense(planes) => planes[cell.plane][(cell.row, cell.col)],
            Numbers::Stored(kept) => kept.get(cell.row, cell.col),
            Numbers::Deferred(deferred) => deferred.plane(cell.plane)[(cell.row, cell.col)],
        }
    }

    pub fn set(&mut self, cell: Cell, number: f32) {
        self.planes_mut()[cell.plane][(cell.row, cell.col)] = number;
    }

    /// The numbers of one row, left to right.
    pub fn row(&self, plane: usize, row: usize) -> Vec<f32> {
        if let Numbers::Stored(StoredMatrix { source, lines: Lines::Rows, .. }) = &self.numbers {
            let mut numbers = vec![0.0; source.size().len];
            source.read(row..row + 1, &mut numbers);
            return numbers;
        }
        if let Numbers::Stored(kept) = &self.numbers {
            return (0..self.shape().cols).map(|col| kept.get(row, col)).collect();
        }
        self.one_plane(plane).row(row).iter().copied().collect()
    }

    pub fn numbers(&self) -> impl Iterator<Item = f32> {
        let Shape { planes, rows, .. } = self.shape();
        let row = move |plane| (0..rows).flat_map(move |row| self.row(plane, row));
        (0..planes).flat_map(row)
    }

    #[must_use]
    pub fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        Self::of(self.planes().iter().map(|p| p.map(&f)).collect())
    }

    /// Cell by cell with another value of the same shape.
    #[must_use]
    pub fn zip_map(&self, other: &Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let pairs = self.planes().iter().zip(other.planes());
        Self::of(pairs.map(|(a, b)| a.zip_map(b, &f)).collect())
    }

    #[must_use]
    pub fn map_planes(&self, f: impl Fn(&Matrix) -> Matrix) -> Self {
        Self::of(self.planes().iter().map(f).collect())
    }

    pub fn add_assign(&mut self, other: &Self) {
        for (a, b) in self.planes_mut().iter_mut().zip(other.planes()) {
            *a += b;
        }
    }

    /// Writes `part` with its first cell at `origin`.
    pub fn put(&mut self, origin: Cell, part: &Self) {
        let planes = self.planes_mut();
        for (i, plane) in part.planes().iter().enumerate() {
            planes[origin.plane + i]
                .view_mut((origin.row, origin.col), plane.shape())
                .copy_from(plane);
        }
    }

    /// The part of this shape whose first cell is `origin`.
    #[must_use]
    pub fn part(&self, origin: Cell, shape: Shape) -> Self {
        let planes = self.planes()[origin.plane..origin.plane + shape.planes]
            .iter()
            .map(|p| p.view((origin.row, origin.col), (shape.rows, shape.cols)).into_owned())
            .collect();
        Self::of(planes)
    }
}
