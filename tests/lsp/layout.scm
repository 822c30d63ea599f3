;;; Forms that Emacs lays out in ways of their own.  Nothing here is run.

(define-module (layout)
 #:use-module (guix packages)
     #:use-module ((guix licenses)
   #:prefix license:)
#:export (hello
system))

(define-public hello
(package
(name "hello")
(source (origin
(method url-fetch)
(uri (list "a"
"b"))))
(arguments
(list #:tests? #f
#:phases
#~(modify-phases %standard-phases
(add-after 'unpack 'patch
(lambda* (#:key inputs
#:allow-other-keys)
(substitute* "configure"
(("a" _ rest)
(string-append #$hello "b"
rest)))))
(replace 'check
(lambda _
#t)))))))

(define (system)
(let loop ((i 0)
(all '(a
b)))
(cond
((= i 10)
=> (lambda (x)
x))
(else
(let*-values (((a b) (values 1
2))
((c)
3))
`(,a ,@b
,(f (g
c))))))))

(define table
'((one . 1)
(two . 2)
("three"
. 3)))

(define f
(case-lambda
((a) a)
((a b)
(catch 'key
(lambda () a)
(lambda (key
. args)
b)))))

(mlet* %store ((a (f))
(b (g)))
(return
a))

(define-syntax-rule (my-if c a
b)
(if c
a
b))

(f) (g
h)

(if (and (string=? "a
   b" c)
d)
#\(
#t
#:key)

(define v #(1 2
3))
(hash-for-each
(lambda (k v)
k)
table)
(call-with-output-string
(lambda (port)
(display "x"
port)))
(receive (a . rest)
(f)
a)
