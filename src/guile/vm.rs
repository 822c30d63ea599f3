//! The virtual machine: Steel's raw engine, and the stack it runs on.

/// Address space reserved for the stack; pages are only used when touched.
const STACK_BYTES: usize = 1 << 30;

/// Run BODY on a thread whose stack is large enough for deeply nested programs.
///
/// The compiler and the expander recurse over the program's nesting; a main
/// thread's 8 MiB would end in an abort at some thousand levels.
pub fn on_large_stack<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("scheme".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, body)
            .expect("reserving address space for one more thread succeeds");
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
