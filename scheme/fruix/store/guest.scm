;;; The store of a guest: its layout and references, asked for over SSH.
;;;
;;; What comes back are the values of (fruix store), so every question about a
;;; store on this machine can be asked about one in a guest.

(define-module (fruix store guest)
  #:use-module (fruix guest)
  #:use-module (fruix store)
  #:export (guest-store-layout
            guest-store))

(define* (guest-store-layout guest #:optional (closure "/run/current-system"))
  "Return the store layout of CLOSURE in GUEST.

Throw 'store-error when its metadata cannot be understood, and
'guest-command-failed when they cannot be read."
  (let ((file (string-append closure "/metadata/store-layout.scm")))
    (store-layout-from-text (guest-file-ref guest file)
                            #:origin (string-append "`" file "` in the guest"))))

(define (guest-store guest)
  "Return the store of GUEST, for `store-closure' and its neighbours in (fruix
store): all items and what they refer to, asked for by one command.  It does not
follow later changes."
  (store-from-text
   (guest-output guest
                 "for item in /frx/store/*-*; do
                    printf '%s\\n' \"$item\"
                    if test -f \"$item/.references\"; then
                      sed 's/^/ /' \"$item/.references\"
                    else
                      find \"$item\" -type l -exec readlink {} \\; | sed 's/^/ /'
                    fi
                  done")
   #:origin "the guest"))
