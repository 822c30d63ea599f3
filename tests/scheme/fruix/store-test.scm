;;; The store below FRUIX_SCM_TEST_ROOT, and layouts of our own.

(use-modules (fruix store)
             (ice-9 match)
             (srfi srfi-1)
             (srfi srfi-64))

(define root (getenv "FRUIX_SCM_TEST_ROOT"))
(define system (readlink (string-append root "/run/current-system")))
(define closure (string-append root system))

(define source
  "/frx/store/5193aa63a947a11ba05ef7a200fa056e7ef39c5a-freebsd-source-default")
(define other
  "/frx/store/86c81b24e6c559eaf94f3840815c4da4cd3fd289-freebsd-source-other")

(define (message thunk)
  "Return the message of the store-error that THUNK ends with."
  (catch 'store-error
    (lambda () (thunk) "no error")
    (lambda (key procedure format arguments details)
      (car arguments))))

(test-begin "store")

(define layout (load-store-layout closure))

(test-equal "the roles of a layout"
  '(0 3 3 1 1 shepherd-pid1)
  (append (map (lambda (role) (length (role layout)))
               (list host-base-stores native-base-stores fruix-runtime-stores
                     materialized-source-stores development-stores))
          (list (init-mode layout))))

(test-equal "a closure, its metadata and the file name one layout"
  (store-layout-entries layout)
  (store-layout-entries
   (load-store-layout (string-append closure "/metadata/store-layout.scm"))))

(test-equal "source store and source root"
  (list source (string-append source "/tree"))
  (list (source-store layout) (source-root layout)))

(test-equal "unknown keys are kept"
  "fruix-validation"
  (store-layout-ref layout 'host-name))

(test-equal "what the source store says about itself"
  "default"
  (assq-ref (assq-ref (source-info source #:root root) 'declared-source) 'name))

(define (with-source . paths)
  (store-layout-from-datum `((materialized-source-stores . ,paths))
                           #:origin "the guest" #:root "/nonexistent"))

(test-equal "the tree may be where base.txz would put it"
  (string-append source "/tree/usr/src")
  (source-root (with-source source)
               #:exists? (lambda (file)
                           (string=? file (string-append source
                                                         "/tree/usr/src/Makefile")))))

(test-assert "a source without a tree is told with what was looked at"
  (string-contains (message (lambda ()
                              (source-root (with-source source)
                                           #:exists? (const #f))))
                   "/tree/usr/src`"))

(test-equal "without the key the item called -freebsd-source- is the source"
  source
  (source-store (store-layout-from-datum
                 `(store-layout (items "/frx/store/x" ,source)))))

(test-equal "without either the store is asked"
  source
  (source-store (store-layout-from-datum '((host-base-stores . ()))
                                         #:root root)))

(test-assert "two sources are not chosen from"
  (string-contains (message (lambda () (source-store (with-source source other))))
                   "cannot choose"))

(test-assert "no source is told by where it was looked for"
  (string-contains (message (lambda () (source-store (with-source))))
                   "the guest names no materialized source store"))

(test-assert "what is no layout is told by where it is from"
  (string-contains (message (lambda ()
                              (store-layout-from-datum 42 #:origin "the guest")))
                   "the guest"))

(test-assert "an association list of something else is told by its keys"
  (string-contains (message (lambda ()
                              (store-layout-from-datum '((colour . red)))))
                   "colour"))

(test-assert "a missing layout is told by its name"
  (string-contains (message (lambda () (load-store-layout "/nonexistent.scm")))
                   "`/nonexistent.scm`: no such file"))

(test-equal "a layout that a guest has in another form"
  source
  (source-store (store-layout-from-text
                 (string-append ";; written by Fruix\n(define layout\n '((source-stores \""
                                source "\")))"))))

(test-assert "a layout that was cut short is told by where it is from"
  (string-prefix? "cannot read the guest: "
                  (message (lambda ()
                             (store-layout-from-text "((a . 1)"
                                                     #:origin "the guest")))))

(test-equal "a store that is only told of has closures too"
  (list source other)
  (store-closure source
                 #:store (store-from-text
                          (string-append source "\n  " other "\n" other "\n"))))

(test-equal "a count as Fruix's command line prints it"
  '("native_base_store_count=3")
  (filter (lambda (line) (string-prefix? "native_base_store_count=" line))
          (store-layout->lines layout)))

(test-equal "the parts of a store path"
  '("freebsd-native-kernel" "15.0-STABLE" #f "boot/kernel")
  (let ((path (string-append "/frx/store/86c81b24e6c559eaf94f3840815c4da4cd3fd289"
                             "-freebsd-native-kernel-15.0-STABLE/boot/kernel")))
    (list (store-path-package path) (store-path-version path)
          (store-path-output path) (store-path-below path))))

(test-equal "what is no store path"
  '(#f #f #f)
  (map store-path? '("/gnu/store/x" "/frx/store/short-name" "")))

(test-assert "a closure holds what it refers to"
  (lset<= string=?
          (store-references system #:store root)
          (store-closure system #:store root)))

(test-equal "a chain of references"
  (list system source)
  (store-why-depends system source #:store root))

(test-equal "what a lean system lacks"
  '("development-profile" "headers")
  (let* ((minimal (find (lambda (item) (string-suffix? "fruix-minimal" item))
                        (store-items #:store root)))
         (changes (store-changes minimal system #:store root)))
    (filter-map (lambda (part)
                  (and (any (lambda (item) (string-contains item part))
                            (assq-ref changes 'added))
                       part))
                '("development-profile" "headers" "kernel"))))

(let ((runner (test-runner-current)))
  (test-end "store")
  (exit (zero? (test-runner-fail-count runner))))
