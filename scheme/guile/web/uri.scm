;;; URIs and references to them: taken apart, put together, and the encoding of their
;;; parts.
;;;
;;; Source: RFC 3986; GNU Guile reference manual, "URIs".

(define-module (web uri)
  #:use-module (srfi srfi-9)
  #:use-module (ice-9 iconv)
  #:use-module (ice-9 regex)
  #:use-module (rnrs bytevectors)
  #:export (uri? uri-reference? relative-ref?
            uri-scheme uri-userinfo uri-host uri-port uri-path uri-query uri-fragment
            build-uri build-uri-reference build-relative-ref
            declare-default-port!
            string->uri string->uri-reference string->relative-ref
            uri->string
            uri-decode uri-encode
            split-and-decode-uri-path encode-and-join-uri-path))

(define-record-type <uri>
  (make-uri scheme userinfo host port path query fragment)
  uri-reference?
  (scheme uri-scheme)             ;symbol, or #f in a relative reference
  (userinfo uri-userinfo)         ;string or #f
  (host uri-host)                 ;string or #f
  (port uri-port)                 ;integer or #f
  (path uri-path)                 ;string, perhaps empty
  (query uri-query)               ;string or #f
  (fragment uri-fragment))        ;string or #f

(define (uri? object)
  "Return whether OBJECT is a URI: a reference with a scheme."
  (and (uri-reference? object) (uri-scheme object) #t))

(define (relative-ref? object)
  "Return whether OBJECT is a relative reference: one without a scheme."
  (and (uri-reference? object) (not (uri-scheme object))))

(define (refuse message . arguments)
  (throw 'uri-error message arguments))

;;; Hosts.

(define address-of-4 (make-regexp "^[0-9]+(\\.[0-9]+){3}$"))
(define address-of-6 (make-regexp "^[0-9a-fA-F:]*:[0-9a-fA-F:.]*$"))
(define label "[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?")
(define last-label "[a-zA-Z]([a-zA-Z0-9-]*[a-zA-Z0-9])?")
(define domain (make-regexp (string-append "^(" label "\\.)*" last-label "$")))

(define (valid-address? family host)
  (catch #t
    (lambda () (inet-pton family host) #t)
    (lambda _ #f)))

(define (valid-host? host)
  (and (string? host)
       (cond ((regexp-exec address-of-4 host) (valid-address? AF_INET host))
             ((regexp-exec address-of-6 host) (valid-address? AF_INET6 host))
             (else (and (regexp-exec domain host) #t)))))

;;; Making.

(define (check scheme userinfo host port path query fragment)
  (when (and (or userinfo port) (not host))
    (refuse "Expected a host, given userinfo or port"))
  (unless (or (not port) (and (exact-integer? port) (>= port 0)))
    (refuse "Expected port to be an integer: ~s" port))
  (unless (or (not host) (valid-host? host))
    (refuse "Expected valid host: ~s" host))
  (unless (or (not userinfo) (string? userinfo))
    (refuse "Expected string for userinfo: ~s" userinfo))
  (unless (string? path)
    (refuse "Expected string for path: ~s" path))
  (cond (host
         (unless (or (string-null? path) (string-prefix? "/" path))
           (refuse "Expected absolute path starting with \"/\": ~a" path)))
        ((string-prefix? "//" path)
         (refuse "Expected path not starting with \"//\" (no host): ~a" path))
        ;; Without a scheme, what stands before a colon would be read as one.
        ((and (not scheme)
              (string-index (car (string-split path #\/)) #\:))
         (refuse "Expected relative path's first segment without \":\": ~a" path))))

(define* (build-uri scheme #:key userinfo host port (path "") query fragment
                    (validate? #t))
  "Return the URI of SCHEME, a symbol, with the parts given: strings, but PORT an
integer.  With VALIDATE?, throw 'uri-error when they do not make one."
  (when validate?
    (unless (symbol? scheme)
      (refuse "Expected a symbol for the URI scheme: ~s" scheme))
    (check scheme userinfo host port path query fragment))
  (make-uri scheme userinfo host port path query fragment))

(define* (build-uri-reference #:key scheme userinfo host port (path "") query fragment
                              (validate? #t))
  "Return the reference with the parts given, a relative one without SCHEME.  With
VALIDATE?, throw 'uri-error when they do not make one."
  (when validate?
    (check scheme userinfo host port path query fragment))
  (make-uri scheme userinfo host port path query fragment))

(define* (build-relative-ref #:key userinfo host port (path "") query fragment
                             (validate? #t))
  "Return the relative reference with the parts given.  With VALIDATE?, throw
'uri-error when they do not make one."
  (when validate?
    (check #f userinfo host port path query fragment))
  (make-uri #f userinfo host port path query fragment))

;;; Texts.

;; RFC 3986, appendix B, with a scheme of the letters that section 3.1 allows.
(define reference
  (make-regexp
   "^(([a-zA-Z][a-zA-Z0-9+.-]*):)?(//([^/?#]*))?([^?#]*)(\\?([^#]*))?(#(.*))?$"))
(define authority
  (make-regexp
   "^(([^@]*)@)?(\\[([0-9a-fA-F:.]+)\\]|([^]:@[]*))(:([0-9]*))?$"))

(define (parse-authority text receiver)
  ;; Call RECEIVER with user, host and port of TEXT; return #f when it is not one.
  (if (or (not text) (string-null? text))
      (receiver #f #f #f)
      (let ((found (regexp-exec authority text)))
        (and found
             (let ((host (or (match:substring found 4) (match:substring found 5)))
                   (port (match:substring found 7)))
               (and (valid-host? host)
                    (receiver (match:substring found 2)
                              host
                              (and port
                                   (not (string-null? port))
                                   (string->number port)))))))))

(define (string->uri-reference string)
  "Return the URI or relative reference that STRING is, or #f when it is none."
  (let ((found (regexp-exec reference string)))
    (and found
         (parse-authority
          (match:substring found 4)
          (lambda (userinfo host port)
            (let ((scheme (match:substring found 2))
                  (path (match:substring found 5)))
              (and (or scheme host
                       (not (string-index (car (string-split path #\/)) #\:)))
                   (make-uri (and scheme (string->symbol (string-downcase scheme)))
                             userinfo host port path
                             (match:substring found 7)
                             (match:substring found 9)))))))))

(define (string->uri string)
  "Return the URI that STRING is, or #f when it is none."
  (let ((found (string->uri-reference string)))
    (and found (uri-scheme found) found)))

(define (string->relative-ref string)
  "Return the relative reference that STRING is, or #f when it is none."
  (let ((found (string->uri-reference string)))
    (and found (not (uri-scheme found)) found)))

(define default-ports (make-hash-table))

(define (declare-default-port! scheme port)
  "Let PORT be what a URI of SCHEME means when it names none."
  (hashq-set! default-ports scheme port))

(declare-default-port! 'http 80)
(declare-default-port! 'https 443)

(define* (uri->string uri #:key (include-fragment? #t))
  "Return URI as a string; the port is left out where it is its scheme's own, and the
fragment without INCLUDE-FRAGMENT?."
  (let ((scheme (uri-scheme uri))
        (host (uri-host uri))
        (port (uri-port uri)))
    (string-append
     (if scheme (string-append (symbol->string scheme) ":") "")
     (if host
         (string-append
          "//"
          (if (uri-userinfo uri) (string-append (uri-userinfo uri) "@") "")
          (if (string-index host #\:) (string-append "[" host "]") host)
          (if (and port (not (eqv? port (hashq-ref default-ports scheme))))
              (string-append ":" (number->string port))
              ""))
         "")
     (uri-path uri)
     (if (uri-query uri) (string-append "?" (uri-query uri)) "")
     (if (and include-fragment? (uri-fragment uri))
         (string-append "#" (uri-fragment uri))
         ""))))

;;; Encoding.

(define ascii (ucs-range->char-set 0 128))

(define unreserved
  (string->char-set
   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"))

(define (bytes-of text decode-plus-to-space?)
  ;; The bytes that the percent encoding TEXT stands for.
  (let ((end (string-length text)))
    (define (hexadecimal index)
      (and (< index end)
           (let ((char (string-ref text index)))
             (and (char-set-contains? char-set:hex-digit char)
                  (string->number (string char) 16)))))
    (let loop ((index 0) (bytes '()))
      (if (= index end)
          (u8-list->bytevector (reverse bytes))
          (let ((char (string-ref text index)))
            (cond
             ((and (char=? char #\+) decode-plus-to-space?)
              (loop (+ index 1) (cons 32 bytes)))
             ((and (char=? char #\%)
                   (hexadecimal (+ index 1))
                   (hexadecimal (+ index 2)))
              (loop (+ index 3)
                    (cons (+ (* 16 (hexadecimal (+ index 1)))
                             (hexadecimal (+ index 2)))
                          bytes)))
             ((char-set-contains? ascii char)
              (loop (+ index 1) (cons (char->integer char) bytes)))
             (else
              (refuse "Invalid character in encoded URI ~a: ~s" text char))))))))

(define* (uri-decode text #:key (encoding "utf-8") (decode-plus-to-space? #t))
  "Return what the percent encoding TEXT stands for, text in ENCODING; a bytevector
when that is #f.  Throw 'uri-error where a character that is not ASCII stands in it."
  (let ((bytes (bytes-of text decode-plus-to-space?)))
    (if encoding
        (bytevector->string bytes encoding)
        bytes)))

(define* (uri-encode text #:key (encoding "utf-8") (unescaped-chars unreserved))
  "Return TEXT with every byte it has in ENCODING written as a percent sign and two
digits, except for characters of UNESCAPED-CHARS."
  (define (escaped byte)
    (string-append (if (< byte 16) "%0" "%")
                   (string-upcase (number->string byte 16))))
  (string-concatenate
   (map (lambda (char)
          (if (char-set-contains? unescaped-chars char)
              (string char)
              (string-concatenate
               (map escaped
                    (bytevector->u8-list
                     (string->bytevector (string char) encoding))))))
        (string->list text))))

(define (split-and-decode-uri-path path)
  "Return the parts of PATH between slashes, decoded, as a list; empty ones are left
out."
  (map (lambda (part) (uri-decode part #:decode-plus-to-space? #f))
       (filter (lambda (part) (not (string-null? part)))
               (string-split path #\/))))

(define (encode-and-join-uri-path parts)
  "Return PARTS, encoded, with slashes between them."
  (string-join (map uri-encode parts) "/"))
