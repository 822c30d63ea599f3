;; What Guix's own .dir-locals.el says of a few of its forms, in a few words.
(progn
  (put 'package 'scheme-indent-function 0)
  (put 'origin 'scheme-indent-function 0)
  (put 'modify-phases 'scheme-indent-function 1)
  (put 'replace 'scheme-indent-function 1)
  (put 'add-after 'scheme-indent-function 2)
  (put 'mlet* 'scheme-indent-function 2)
  (put 'operating-system 'scheme-indent-function 0))
