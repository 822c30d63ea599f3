//! What an editor asks about a Scheme text, answered from the text alone.
//!
//! Nothing here runs a program, and no macro of a program is expanded. A text becomes
//! trees with places ([`crate::guile::tree`]); [`module`] finds what it imports,
//! defines and exports; [`analysis`] walks it with the scopes that its forms open and
//! tells what each word means, and what is wrong. What the forms of the language and
//! of the carried modules do with their operands stands in [`forms`]. Whatever stands
//! inside of a macro that is not known there is left unjudged: a finding is right or it
//! is not made.
//!
//! [`indentation`] lays texts out as Emacs does, [`text`] counts in the editor's units.
//! What modules outside of the text export is asked of a [`library::Library`]. The
//! protocol is the command line's (`cli/lsp`).
//!
//! Source: GNU Guile reference manual; Language Server Protocol 3.17.

pub mod analysis;
pub mod formals;
pub mod forms;
pub mod imports;
pub mod indentation;
pub mod library;
pub mod module;
pub mod text;
