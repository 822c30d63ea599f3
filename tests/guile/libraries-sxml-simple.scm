;; XML read to SXML and written from it.
(use-modules (sxml simple) )
(define-syntax-rule (try e) (begin (write (catch #t (lambda () e) (lambda (k . a) k))) (newline)))
(for-each (lambda (s) (write s) (display " => ") (try (xml->sxml s)))
 '("<a/>" "<a>b</a>" "<a x='1' y=\"2&amp;3\">t<b/> u</a>" "<?xml version='1.0' encoding='utf-8'?>\n<a/>"
   "<!-- c --><a><!-- d -->x</a>" "<a><![CDATA[<x>&amp;]]></a>" "<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;</a>"
   "<a xmlns='http://x'><b/></a>" "<p:a xmlns:p='http://x' p:q='1'><p:b/></p:a>" "<a>\n  <b>1</b>\n  <b>2</b>\n</a>"
   "<?pi some data?><a/>" "<a><?pi in side?></a>" "<!DOCTYPE a [<!ENTITY foo \"bar\">]><a>&foo;</a>" "<!DOCTYPE html><html/>"
   "<a>" "<a></b>" "" "x" "<a/><b/>" "<a x=1/>" "<a>&nope;</a>" "<a x='1' x='2'/>" "<a/> " "<a>a&#10;b\r\nc</a>" "<a b='x\ny\tz'/>" "<a><p:b/></a>" "<a xml:lang='en'/>"))
(try (xml->sxml "<a>\n <b>x y</b>\n</a>" #:trim-whitespace? #t))
(try (xml->sxml "<a>&nope;</a>" #:default-entity-handler (lambda (p n) (symbol->string n))))
(try (xml->sxml "<a>&foo;</a>" #:entities '((foo . "bar"))))
(try (xml->sxml "<x:a xmlns:x='u'/>" #:namespaces '((y . "u"))))
(try (xml->sxml "<x:a/>" #:namespaces '((x . "u")) #:declare-namespaces? #t))

(try (xml->sxml "<!DOCTYPE a SYSTEM 'x'><a/>" #:doctype-handler (lambda (n s i) (write (list n s i)) (values #:entities '()))))
(define (x s) (call-with-output-string (lambda (p) (sxml->xml s p))))
(for-each (lambda (s) (write s) (display " => ") (try (x s)))
 '((a) (a "b") (a (@ (x "1") (y "<&\"'>"))) (a (b) "t<&>" (c "q")) "str<" (*TOP* (*PI* xml "version='1.0'") (a)) (*PI* foo "bar") (*ENTITY* "nbsp") (a (@)) (a 1 2.5) (a (b (@ (x 1)))) (a #f #t) (a ("x" "y")) (a "é\"'") (p:a "x") (http://x:a "x") ((a) (b)) () (a (@ (checked))) (*COMMENT* "x")))
(try (sxml->string '(a "b" (c (@ (x "q")) "d") "e")))
(try (call-with-input-string "<a/>tail" (lambda (p) (let ((r (xml->sxml p))) r))))

(try (xml->sxml "<a> x <b/>  <c>y</c> z</a>" #:trim-whitespace? #t))
(try (xml->sxml "<a xmlns:p='u'><p:b p:c='1' d='2'/></a>" #:namespaces '((q . "u"))))
(try (xml->sxml "<a xmlns='u' x='1'/>" #:namespaces '((#f . "u"))))
(try (xml->sxml "<!DOCTYPE a><a>&foo;</a>" #:doctype-handler (lambda (n s i) (values #:entities '((foo . "bar"))))))
(try (call-with-output-string (lambda (p) (sxml->xml (list 'a (lambda () (display "<raw>"))) p))))
