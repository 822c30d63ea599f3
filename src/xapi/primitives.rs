//! XAPI for Scheme: `(fruix native xapi)`.
