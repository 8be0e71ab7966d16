//! A value of a pass: planes (heads) of equal matrices; a plain matrix is one plane.
//!
//! Rows are positions, as in the papers. A value knows its numbers and its shape, not its name.

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

/// One or more planes of the same shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    planes: Vec<Matrix>,
}

impl From<Matrix> for Value {
    fn from(matrix: Matrix) -> Self {
        Self { planes: vec![matrix] }
    }
}

impl Value {
    /// # Panics
    /// If there is no plane, or if the planes differ in shape: a fault in an operation, never in input.
    pub fn from_planes(planes: Vec<Matrix>) -> Self {
        assert!(!planes.is_empty(), "a value has at least one plane");
        assert!(planes.iter().all(|p| p.shape() == planes[0].shape()), "planes differ in shape");
        Self { planes }
    }

    pub fn zeros(shape: Shape) -> Self {
        Self { planes: vec![Matrix::zeros(shape.rows, shape.cols); shape.planes] }
    }

    /// A matrix from numbers in row-major order, the order of checkpoint files.
    pub fn from_rows(rows: usize, cols: usize, numbers: &[f32]) -> Self {
        Matrix::from_row_slice(rows, cols, numbers).into()
    }

    pub fn shape(&self) -> Shape {
        let (rows, cols) = self.planes[0].shape();
        Shape { planes: self.planes.len(), rows, cols }
    }

    pub fn planes(&self) -> &[Matrix] {
        &self.planes
    }

    pub fn plane(&self, plane: usize) -> &Matrix {
        &self.planes[plane]
    }

    /// The matrix of a value that has one plane only (the first, if there are more).
    pub fn matrix(&self) -> &Matrix {
        &self.planes[0]
    }

    pub fn get(&self, cell: Cell) -> f32 {
        self.planes[cell.plane][(cell.row, cell.col)]
    }

    pub fn set(&mut self, cell: Cell, number: f32) {
        self.planes[cell.plane][(cell.row, cell.col)] = number;
    }

    /// The numbers of one row, left to right.
    pub fn row(&self, plane: usize, row: usize) -> Vec<f32> {
        self.planes[plane].row(row).iter().copied().collect()
    }

    pub fn numbers(&self) -> impl Iterator<Item = f32> {
        self.shape().cells().map(|cell| self.get(cell))
    }

    #[must_use]
    pub fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        Self { planes: self.planes.iter().map(|p| p.map(&f)).collect() }
    }

    /// Cell by cell with another value of the same shape.
    #[must_use]
    pub fn zip_map(&self, other: &Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let planes = self.planes.iter().zip(&other.planes).map(|(a, b)| a.zip_map(b, &f)).collect();
        Self { planes }
    }

    #[must_use]
    pub fn map_planes(&self, f: impl Fn(&Matrix) -> Matrix) -> Self {
        Self { planes: self.planes.iter().map(f).collect() }
    }

    pub fn add_assign(&mut self, other: &Self) {
        for (a, b) in self.planes.iter_mut().zip(&other.planes) {
            *a += b;
        }
    }

    /// Writes `part` with its first cell at `origin`.
    pub fn put(&mut self, origin: Cell, part: &Self) {
        for (i, plane) in part.planes.iter().enumerate() {
            self.planes[origin.plane + i]
                .view_mut((origin.row, origin.col), plane.shape())
                .copy_from(plane);
        }
    }

    /// The part of `shape` whose first cell stands at `origin`.
    #[must_use]
    pub fn part(&self, origin: Cell, shape: Shape) -> Self {
        let planes = self.planes[origin.plane..origin.plane + shape.planes]
            .iter()
            .map(|p| p.view((origin.row, origin.col), (shape.rows, shape.cols)).into_owned())
            .collect();
        Self { planes }
    }
}
