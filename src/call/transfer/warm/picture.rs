//! The picture of the table, from the table itself.
