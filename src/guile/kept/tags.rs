//! What the first byte of each thing says.

pub const NAME: u8 = 0;
pub const ALIAS: u8 = 1;

pub const LANGUAGE: u8 = 0;
pub const MODULE: u8 = 1;

pub const OF_MODULE: u8 = 0;
pub const OF_FRAME: u8 = 1;

pub const LOCAL: u8 = 0;
pub const PATTERN: u8 = 1;
pub const MACRO: u8 = 2;
pub const ELLIPSIS: u8 = 3;

pub const STX_ID: u8 = 0;
pub const STX_ATOM: u8 = 1;
pub const STX_LIST: u8 = 2;
pub const STX_IMPROPER: u8 = 3;
pub const STX_VECTOR: u8 = 4;
/// A value that a program has put into a form.
pub const STX_OPAQUE: u8 = 5;

pub const INTEGER: u8 = 0;
pub const FLOAT: u8 = 1;
pub const TRUE: u8 = 2;
pub const FALSE: u8 = 3;
pub const VOID: u8 = 4;
pub const CHARACTER: u8 = 5;
pub const STRING: u8 = 6;
pub const KEYWORD: u8 = 7;
/// As `write` prints it.
pub const WRITTEN: u8 = 8;
/// A string that programs may change.
pub const MUTABLE_STRING: u8 = 9;

pub const USUAL: u8 = 0;
pub const NONE: u8 = 1;
pub const CUSTOM: u8 = 2;

pub const RULES: u8 = 0;
pub const PROCEDURE: u8 = 1;
pub const UNHYGIENIC: u8 = 2;
pub const IDENTIFIER: u8 = 3;
pub const PARAMETER: u8 = 4;

pub const CONSTANT: u8 = 0;
pub const UNSPECIFIED: u8 = 1;
pub const LOCAL_REFERENCE: u8 = 2;
pub const GLOBAL: u8 = 3;
pub const SET_LOCAL: u8 = 4;
pub const SET_GLOBAL: u8 = 5;
pub const DEFINE_GLOBAL: u8 = 6;
pub const IF: u8 = 7;
pub const LAMBDA: u8 = 8;
pub const CALL: u8 = 9;
pub const LET: u8 = 10;
pub const LETREC: u8 = 11;
pub const SEQUENCE: u8 = 12;
pub const MACHINE: u8 = 13;
/// A number by which this process knows a template or a pattern.
pub const TEMPLATE_NUMBER: u8 = 14;
pub const PATTERN_NUMBER: u8 = 15;

/// The globals of the machine's own that core forms name.
pub const MACHINE_NAMES: [&str; 1] = ["%%unset"];

pub const SPECIAL: u8 = 0;
pub const RUN: u8 = 1;
pub const DEFINE: u8 = 2;
pub const DEFINE_LATER: u8 = 3;
pub const SYNTAX: u8 = 4;
pub const SYNTAX_PARAMETER: u8 = 5;
pub const SAME_SYNTAX: u8 = 6;
pub const SHARE: u8 = 7;
