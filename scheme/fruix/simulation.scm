;;; The simulated host, for scripts that want to see it fail.
;;;
;;; A script run with --simulate can make trouble at a moment of its choosing,
;;; where the option --mishap makes it from the beginning.

(define-module (fruix simulation)
  #:use-module (fruix native simulation)
  #:export (simulation?
            simulation-mishap!))

(define (simulation?)
  "Return #t when the host of the settings is a simulated one."
  (%simulation?))

(define (simulation-mishap! spec)
  "Let SPEC, a string such as \"sr-full\" or \"cut=VM.start@1\", go wrong from now
on; docs/operating.md lists what can.  K, BYTES and SECONDS are counted as they
are for --mishap, SECONDS from now.

Throw 'usage-error when SPEC makes no sense, and 'settings-error when there is no
simulation."
  (%simulation-mishap! spec))
