;;; What Geiser, Emacs's mode for Scheme, asks a Guile.
;;;
;;; Geiser brings a module of this name for Guile itself, which needs Guile's
;;; compiler and its prompt; this one answers the same requests, and stands before
;;; that on the load path.  Geiser sends a request as a command of the prompt:
;;; `,geiser-eval MODULE ge:completions ("string-ap") ()'; see `(geiser evaluation)'.

(define-module (geiser emacs)
  #:use-module (geiser completion)
  #:use-module (geiser doc)
  #:use-module (geiser evaluation)
  #:use-module (geiser xref)
  #:re-export (ge:add-to-load-path
               ge:autodoc
               ge:callees
               ge:callers
               ge:completions
               ge:find-file
               ge:generic-methods
               ge:macroexpand
               ge:module-completions
               ge:module-exports
               ge:module-location
               ge:object-signature
               ge:set-warnings
               ge:symbol-documentation
               ge:symbol-location))
