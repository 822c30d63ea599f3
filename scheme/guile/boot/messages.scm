;;; Messages in other languages: the procedures are here, translations are not, so every
;;; message is told as it was written.

(define* (gettext message #:optional domain category)
  "Return MESSAGE in the user's language."
  message)

(define* (ngettext one many count #:optional domain category)
  "Return the message for COUNT things: ONE for a single thing, otherwise MANY."
  (if (eqv? count 1) one many))

(define %text-domain "messages")

(define* (textdomain #:optional domain)
  "Return the domain that messages are looked for in, after making it DOMAIN."
  (if domain (set! %text-domain domain))
  %text-domain)

(define %text-domains '())

(define (%text-domain-property key value)
  (if value
      (set! %text-domains (assoc-set! %text-domains key value)))
  (assoc-ref %text-domains key))

(define* (bindtextdomain domain #:optional directory)
  "Return the directory that translations of DOMAIN are looked for in, after making it
DIRECTORY; #f when nothing was said."
  (%text-domain-property (cons domain 'directory) directory))

(define* (bind-textdomain-codeset domain #:optional encoding)
  "Return the encoding that messages of DOMAIN are wanted in, after making it ENCODING;
#f when nothing was said."
  (%text-domain-property (cons domain 'encoding) encoding))
