//! Problems, exact solutions, generators and file formats of Flowmap.
