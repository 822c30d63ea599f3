;;; The methods of XAPI that harnesses use: one form a method, with what it takes
;;; and gives, and one a class of which objects are made.
;;;
;;; Names of methods, parameters, fields and types are the datamodel's, and a
;;; test holds them against it.  A reference that points at nothing is #f,
;;; whichever way the host writes it.  Any other method can be called by its name
;;; with `xapi-call' and `xapi-run'.
;;;
;;; Source: XenAPI reference, https://xapi-project.github.io/xen-api

(define-module (fruix xapi methods)
  #:use-module (fruix native xapi)
  #:use-module (ice-9 match)
  #:export (xapi-methods))

(define %methods '())

(define (register! procedure method parameters result)
  (set! %methods
        (cons `((procedure . ,procedure)
                (method . ,method)
                (parameters . ,parameters)
                (result . ,result))
              %methods)))

(define (xapi-methods)
  "Return what the forms of this module say, as association lists: procedure, a
symbol; method, a string; parameters, pairs of name and type in the order of the
wire, or of field and type for what makes an object; and result, a type."
  (reverse %methods))

;; A call is answered at once; a task is waited for.  A form exports its procedure.
(define-syntax define-xapi-method
  (syntax-rules (-> call task keywords)
    ((_ form (how method -> result) documentation)
     (define-xapi-method form (how method -> result) (keywords) documentation))
    ((_ (name (parameter type) ...)
        (call method -> result)
        (keywords (key key-type default) ...)
        documentation)
     (begin
       (define* (name session parameter ... #:key (key default) ...)
         documentation
         (from-wire 'result
                    (%xapi-call session method
                                (list (to-wire 'name 'parameter 'type parameter) ...
                                      (to-wire 'name 'key 'key-type key) ...))))
       (register! 'name method
                  '((parameter . type) ... (key . key-type) ...) 'result)
       (export name)))
    ((_ (name (parameter type) ...)
        (task method -> result)
        (keywords (key key-type default) ...)
        documentation)
     (begin
       (define* (name session parameter ...
                      #:key (key default) ... (timeout-seconds 600))
         documentation
         (from-wire 'result
                    (%xapi-run session method
                               (list (to-wire 'name 'parameter 'type parameter) ...
                                     (to-wire 'name 'key 'key-type key) ...)
                               timeout-seconds)))
       (register! 'name method
                  '((parameter . type) ... (key . key-type) ...) 'result)
       (export name)))))

;; The keywords stand for fields of the record from which the object is made.
(define-syntax define-xapi-constructor
  (syntax-rules ()
    ((_ name method ((key field type default) ...) documentation)
     (begin
       (define* (name session #:key (key default) ...)
         documentation
         (%xapi-call session method
                     (list (list (cons 'field (to-wire 'name 'key 'type key)) ...))))
       (register! 'name method '((field . type) ...) 'constructed)
       (export name)))))

(define *needed*
  ;; The default of a keyword that has none.
  (list 'needed))

(define (to-wire procedure name type value)
  "Return VALUE, the parameter NAME of PROCEDURE, as the API takes values of TYPE."
  (define (complain text . arguments)
    (scm-error (if (eq? value *needed*) 'misc-error 'wrong-type-arg)
               procedure text arguments (list value)))
  (define (insist ok? what)
    (if ok?
        value
        (complain "Wrong type argument ~a, which takes ~a: ~s" name what value)))
  (when (eq? value *needed*)
    (complain "the keyword #:~a is needed" name))
  (match type
    ('string (insist (string? value) "a string"))
    ('int (insist (and (integer? value) (exact? value)) "an integer"))
    ('float (exact->inexact (insist (real? value) "a number")))
    ('bool (insist (boolean? value) "#t or #f"))
    (('ref _)
     (or (insist (or (not value) (string? value)) "a reference")
         "OpaqueRef:NULL"))
    (('enum _) (insist (string? value) "a string"))
    (('map _ _)
     (if (null? value)
         ;; The empty list is the empty set.
         'empty-map
         (insist (and (list? value) (and-map pair? value)) "an association list")))
    (('set _) (insist (list? value) "a list"))
    (_ value)))

(define (from-wire type value)
  "Return VALUE, a result of TYPE, as this module promises it."
  (match type
    ('void *unspecified*)
    (('ref _)
     (and (string? value)
          (not (string-null? value))
          (not (string=? value "OpaqueRef:NULL"))
          value))
    (_ value)))

;;; Finding things.

(define-xapi-method (xapi-pools)
  (call "pool.get_all_records" -> (map (ref pool) (record pool)))
  "Return the pools of the host, always one, as pairs of reference and record.")

(define-xapi-method (xapi-pool-default-sr (self (ref pool)))
  (call "pool.get_default_SR" -> (ref SR))
  "Return the storage repository that SELF, a pool, uses where none is named, or #f.")

(define-xapi-method (xapi-hosts)
  (call "host.get_all_records" -> (map (ref host) (record host)))
  "Return the hosts of the pool as pairs of reference and record.")

(define-xapi-method (xapi-host-certificate (host (ref host)))
  (call "host.get_server_certificate" -> string)
  "Return the certificate that HOST shows, in PEM form.")

(define-xapi-method (xapi-sr-find (uuid string))
  (call "SR.get_by_uuid" -> (ref SR))
  "Return the storage repository with UUID.")

(define-xapi-method (xapi-srs-named (label string))
  (call "SR.get_by_name_label" -> (set (ref SR)))
  "Return the storage repositories called LABEL.")

(define-xapi-method (xapi-sr-record (self (ref SR)))
  (call "SR.get_record" -> (record SR))
  "Return the record of SELF, a storage repository; what is free is
physical_size less physical_utilisation.")

(define-xapi-method (xapi-sr-scan (sr (ref SR)))
  (task "SR.scan" -> void)
  "Let the host look at SR again, so that its sizes are up to date.")

(define-xapi-method (xapi-network-find (uuid string))
  (call "network.get_by_uuid" -> (ref network))
  "Return the network with UUID.")

(define-xapi-method (xapi-networks-named (label string))
  (call "network.get_by_name_label" -> (set (ref network)))
  "Return the networks called LABEL.")

(define-xapi-method (xapi-network-record (self (ref network)))
  (call "network.get_record" -> (record network))
  "Return the record of SELF, a network.")

(define-xapi-method (xapi-messages-since (since datetime))
  (call "message.get_since" -> (map (ref message) (record message)))
  "Return what the host has written about its objects since SINCE, a date such
as \"20260101T00:00:00Z\", as pairs of reference and record.")

;;; The life of a VM.  What slow work is, is waited for as a task.

(define-xapi-method (xapi-vm-find (uuid string))
  (call "VM.get_by_uuid" -> (ref VM))
  "Return the VM with UUID.

Throw 'xapi-error with code UUID_INVALID when there is none.")

(define-xapi-method (xapi-vms)
  (call "VM.get_all_records" -> (map (ref VM) (record VM)))
  "Return every VM, template and snapshot as pairs of reference and record.")

(define-xapi-method (xapi-vms-named (label string))
  (call "VM.get_by_name_label" -> (set (ref VM)))
  "Return the VMs, templates and snapshots called LABEL.")

(define-xapi-method (xapi-vm-record (self (ref VM)))
  (call "VM.get_record" -> (record VM))
  "Return the record of SELF, a VM: every field, as it is now.")

(define-xapi-method (xapi-vm-uuid (self (ref VM)))
  (call "VM.get_uuid" -> string)
  "Return the UUID of SELF, a VM.")

(define-xapi-method (xapi-vm-power-state (self (ref VM)))
  (call "VM.get_power_state" -> (enum vm_power_state))
  "Return \"Halted\", \"Paused\", \"Running\" or \"Suspended\" for SELF, a VM.")

(define-xapi-method (xapi-vm-clone (vm (ref VM)) (new-name string))
  (task "VM.clone" -> (ref VM))
  "Return a new VM called NEW-NAME with fast copies of the disks of VM, a halted
one or a template.  A copy of a template is one until `xapi-vm-provision'.")

(define-xapi-method (xapi-vm-copy (vm (ref VM)) (new-name string) (sr (ref SR)))
  (task "VM.copy" -> (ref VM))
  "Return a new VM called NEW-NAME with full copies, on SR, of the disks of VM.")

(define-xapi-method (xapi-vm-provision (vm (ref VM)))
  (task "VM.provision" -> void)
  "Make VM, a copy of a template, a VM that can start.")

(define-xapi-method (xapi-vm-pause (vm (ref VM)))
  (task "VM.pause" -> void)
  "Stop the processors of VM, which keeps its memory.")

(define-xapi-method (xapi-vm-unpause (vm (ref VM)))
  (task "VM.unpause" -> void)
  "Let VM, a paused one, run on.")

(define-xapi-method (xapi-vm-reboot (vm (ref VM)))
  (task "VM.clean_reboot" -> void)
  "Ask the guest of VM to reboot, and wait until it has been started again.

Throw 'xapi-error with code VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT when the guest does
not react.")

(define-xapi-method (xapi-vm-reset (vm (ref VM)))
  (task "VM.hard_reboot" -> void)
  "Take the power of VM away and give it back.")

(define-xapi-method (xapi-vm-snapshot (vm (ref VM)) (new-name string))
  (task "VM.snapshot" -> (ref VM))
  "Return a snapshot of VM called NEW-NAME: a VM of its own, with disks of its
own, that cannot be started.")

(define-xapi-method (xapi-vm-revert (snapshot (ref VM)))
  (task "VM.revert" -> void)
  "Bring the VM of SNAPSHOT back to what it was.  The VM keeps its reference and
its UUID; its disks are new ones, with new references and UUIDs, which may be
changed as the old ones might.")

(define-xapi-method (xapi-vm-destroy (self (ref VM)))
  (task "VM.destroy" -> void)
  "Destroy SELF, a halted VM.  Its disks stay; `xapi-vm-destroy-with-disks' takes
them along.")

(define-xapi-method (xapi-vm-disk-slots (vm (ref VM)))
  (call "VM.get_allowed_VBD_devices" -> (set string))
  "Return the numbers, as strings, under which a disk can be attached to VM.")

;;; What a VM is made of.  Most of it can be changed in a halted VM only.

(define-xapi-method (xapi-vm-set-name (self (ref VM)) (value string))
  (call "VM.set_name_label" -> void)
  "Call SELF, a VM, VALUE.")

(define-xapi-method (xapi-vm-set-boot (self (ref VM)) (value (map string string)))
  (call "VM.set_HVM_boot_params" -> void)
  "Let SELF, a VM, boot as VALUE says: order, such as \"cd\" for disk before CD,
and firmware, \"uefi\" or \"bios\".")

(define-xapi-method (xapi-vm-set-domain-type (self (ref VM)) (value (enum domain_type)))
  (call "VM.set_domain_type" -> void)
  "Let SELF, a VM, be of the type VALUE, such as \"hvm\".")

(define-xapi-method (xapi-vm-set-memory (self (ref VM)) (value int))
  (task "VM.set_memory" -> void)
  "Give SELF, a VM, VALUE bytes of memory.")

(define-xapi-method (xapi-vm-set-memory-limits (self (ref VM)))
  (task "VM.set_memory_limits" -> void)
  (keywords
   (static-min int *needed*)
   (static-max int *needed*)
   (dynamic-min int *needed*)
   (dynamic-max int *needed*))
  "Bound the memory of SELF, a VM, in bytes.")

(define-xapi-method (xapi-vm-set-processors (self (ref VM)) (value int))
  (task "VM.set_VCPUs_at_startup" -> void)
  "Let SELF, a VM, start with VALUE processors.")

(define-xapi-method (xapi-vm-set-most-processors (self (ref VM)) (value int))
  (task "VM.set_VCPUs_max" -> void)
  "Let SELF, a VM, have VALUE processors at most.")

(define-xapi-method (xapi-vm-set-platform! (self (ref VM)) (key string) (value string))
  (call "VM.add_to_platform" -> void)
  "Put VALUE under KEY, which must be free, of the platform of SELF, a VM.")

(define-xapi-method (xapi-vm-remove-platform! (self (ref VM)) (key string))
  (call "VM.remove_from_platform" -> void)
  "Let the platform of SELF, a VM, have nothing under KEY.")

(define-xapi-method (xapi-vm-note! (self (ref VM)) (key string) (value string))
  (call "VM.add_to_other_config" -> void)
  "Put VALUE under KEY, which must be free, of the other_config of SELF, a VM.")

(define-xapi-method (xapi-vm-forget-note! (self (ref VM)) (key string))
  (call "VM.remove_from_other_config" -> void)
  "Let the other_config of SELF, a VM, have nothing under KEY.")

(define-xapi-method (xapi-vm-tell! (self (ref VM)) (key string) (value string))
  (call "VM.add_to_xenstore_data" -> void)
  "Put VALUE under KEY, which begins with \"vm-data/\" and must be free, of what
the guest of SELF, a VM, finds in xenstore when it starts.")

(define-xapi-method (xapi-vm-untell! (self (ref VM)) (key string))
  (call "VM.remove_from_xenstore_data" -> void)
  "Let what the guest of SELF, a VM, finds in xenstore have nothing under KEY.")

(define-xapi-method (xapi-vm-told (self (ref VM)))
  (call "VM.get_xenstore_data" -> (map string string))
  "Return what stands below \"vm-data/\" in xenstore for SELF, a VM, and what its
guest has written there.")

(define-xapi-method (xapi-vm-consoles (self (ref VM)))
  (call "VM.get_consoles" -> (set (ref console)))
  "Return the consoles of SELF, a VM; there are none unless it runs.")

(define-xapi-method (xapi-console-record (self (ref console)))
  (call "console.get_record" -> (record console))
  "Return the record of SELF, a console, with its protocol and location.")

(define-xapi-method (xapi-vm-guest-metrics (self (ref VM)))
  (call "VM.get_guest_metrics" -> (ref VM_guest_metrics))
  "Return what the agent in the guest of SELF, a VM, reports, as a reference, or
#f when there is nothing.")

(define-xapi-method (xapi-guest-metrics-record (self (ref VM_guest_metrics)))
  (call "VM_guest_metrics.get_record" -> (record VM_guest_metrics))
  "Return the record of SELF, the metrics of a guest.")

(define-xapi-method (xapi-vm-disks (self (ref VM)))
  (call "VM.get_VBDs" -> (set (ref VBD)))
  "Return the VBDs of SELF, a VM: one a disk or drive.")

(define-xapi-method (xapi-vm-interfaces (self (ref VM)))
  (call "VM.get_VIFs" -> (set (ref VIF)))
  "Return the VIFs of SELF, a VM: one a network interface.")

;;; Disks.

(define-xapi-method (xapi-vdi-find (uuid string))
  (call "VDI.get_by_uuid" -> (ref VDI))
  "Return the VDI with UUID.

Throw 'xapi-error with code UUID_INVALID when there is none.")

(define-xapi-method (xapi-vdis-named (label string))
  (call "VDI.get_by_name_label" -> (set (ref VDI)))
  "Return the VDIs called LABEL.")

(define-xapi-method (xapi-vdi-record (self (ref VDI)))
  (call "VDI.get_record" -> (record VDI))
  "Return the record of SELF, a VDI: every field, as it is now.")

(define-xapi-method (xapi-vdi-uuid (self (ref VDI)))
  (call "VDI.get_uuid" -> string)
  "Return the UUID of SELF, a VDI.")

(define-xapi-method (xapi-vdi-size (self (ref VDI)))
  (call "VDI.get_virtual_size" -> int)
  "Return the size of SELF, a VDI, in bytes, as a guest sees it.")

(define-xapi-method (xapi-vdi-clone (vdi (ref VDI)))
  (task "VDI.clone" -> (ref VDI))
  "Return a fast copy of VDI, which shares what neither has changed.")

(define-xapi-method (xapi-vdi-snapshot (vdi (ref VDI)))
  (task "VDI.snapshot" -> (ref VDI))
  "Return a copy of VDI as it is now, to be read only.")

(define-xapi-method (xapi-vdi-copy (vdi (ref VDI)) (sr (ref SR)))
  (task "VDI.copy" -> (ref VDI))
  "Return a full copy of VDI on SR.")

(define-xapi-method (xapi-vdi-copy-into (vdi (ref VDI)) (sr (ref SR))
                                        (base-vdi (ref VDI)) (into-vdi (ref VDI)))
  (task "VDI.copy" -> (ref VDI))
  "Write what VDI holds onto INTO-VDI, which no VM that runs may use, and return
that.  With BASE-VDI, not #f, only the blocks in which VDI differs from it are
written.  SR is #f.

Throw 'xapi-error with code VDI_TOO_SMALL when VDI does not fit.")

(define-xapi-method (xapi-vdi-resize (vdi (ref VDI)) (size int))
  (task "VDI.resize" -> void)
  "Let VDI, which nobody uses, have SIZE bytes; it can only grow.")

(define-xapi-method (xapi-vdi-set-name (self (ref VDI)) (value string))
  (call "VDI.set_name_label" -> void)
  "Call SELF, a VDI, VALUE.")

(define-xapi-method (xapi-vdi-destroy (self (ref VDI)))
  (task "VDI.destroy" -> void)
  "Destroy SELF, a VDI, and what is on it.

Throw 'xapi-error with code VDI_IN_USE when a VM uses it.")

(define-xapi-method (xapi-vbd-record (self (ref VBD)))
  (call "VBD.get_record" -> (record VBD))
  "Return the record of SELF, a VBD.")

(define-xapi-method (xapi-vbd-vdi (self (ref VBD)))
  (call "VBD.get_VDI" -> (ref VDI))
  "Return the VDI that SELF, a VBD, leads to, or #f for an empty drive.")

(define-xapi-method (xapi-vbd-destroy (self (ref VBD)))
  (task "VBD.destroy" -> void)
  "Detach for good what SELF, a VBD of a halted VM, leads to.")

(define-xapi-method (xapi-vbd-plug (self (ref VBD)))
  (task "VBD.plug" -> void)
  "Attach what SELF, a VBD, leads to, to its running VM.")

(define-xapi-method (xapi-vbd-unplug (self (ref VBD)))
  (task "VBD.unplug" -> void)
  "Take what SELF, a VBD, leads to away from its running VM.")

(define-xapi-method (xapi-vbd-insert (vbd (ref VBD)) (vdi (ref VDI)))
  (task "VBD.insert" -> void)
  "Put VDI into VBD, an empty CD drive.")

(define-xapi-method (xapi-vbd-eject (vbd (ref VBD)))
  (task "VBD.eject" -> void)
  "Take what is in VBD, a CD drive, out.")

(define-xapi-method (xapi-vif-record (self (ref VIF)))
  (call "VIF.get_record" -> (record VIF))
  "Return the record of SELF, a network interface, with its MAC.")

(define-xapi-method (xapi-vif-destroy (self (ref VIF)))
  (task "VIF.destroy" -> void)
  "Remove SELF, a network interface.")

(define-xapi-method (xapi-vif-plug (self (ref VIF)))
  (task "VIF.plug" -> void)
  "Connect SELF, an interface of a running VM.")

(define-xapi-method (xapi-vif-unplug (self (ref VIF)))
  (task "VIF.unplug" -> void)
  "Disconnect SELF, an interface of a running VM.")

;;; What can be made.  Everything made carries the mark of the session's lease.

(define-xapi-constructor xapi-vm-create "VM.create"
  ((name name_label string *needed*)
   (description name_description string "")
   (user-version user_version int 1)
   (is-a-template is_a_template bool #f)
   (affinity affinity (ref host) #f)
   (memory-static-max memory_static_max int *needed*)
   (memory-dynamic-max memory_dynamic_max int *needed*)
   (memory-dynamic-min memory_dynamic_min int *needed*)
   (memory-static-min memory_static_min int *needed*)
   (vcpus-params VCPUs_params (map string string) '())
   (vcpus-max VCPUs_max int *needed*)
   (vcpus-at-startup VCPUs_at_startup int *needed*)
   (actions-after-shutdown actions_after_shutdown (enum on_normal_exit) "destroy")
   (actions-after-reboot actions_after_reboot (enum on_normal_exit) "restart")
   (actions-after-crash actions_after_crash (enum on_crash_behaviour) "restart")
   (pv-bootloader PV_bootloader string "")
   (pv-kernel PV_kernel string "")
   (pv-ramdisk PV_ramdisk string "")
   (pv-args PV_args string "")
   (pv-bootloader-args PV_bootloader_args string "")
   (pv-legacy-args PV_legacy_args string "")
   (hvm-boot-policy HVM_boot_policy string "BIOS order")
   (hvm-boot-params HVM_boot_params (map string string) '(("order" . "c") ("firmware" . "uefi")))
   (platform platform (map string string) '())
   (pci-bus PCI_bus string "")
   (other-config other_config (map string string) '())
   (recommendations recommendations string "")
   (domain-type domain_type (enum domain_type) "hvm"))
  "Return a new VM that nothing is attached to.  Cloning a template is the usual
way; this one leaves nothing to the host.")

(define-xapi-constructor xapi-vdi-create "VDI.create"
  ((name name_label string *needed*)
   (description name_description string "")
   (sr SR (ref SR) *needed*)
   (size-bytes virtual_size int *needed*)
   (type type (enum vdi_type) "user")
   (sharable sharable bool #f)
   (read-only read_only bool #f)
   (other-config other_config (map string string) '()))
  "Return a new VDI, full of zeros on all but raw LVM storage.  The host rounds its
size up, to 2 MiB on most storage.

Throw 'xapi-error with code SR_FULL when there is no room.")

(define-xapi-constructor xapi-vbd-create "VBD.create"
  ((vm VM (ref VM) *needed*)
   (vdi VDI (ref VDI) #f)
   (userdevice userdevice string "autodetect")
   (bootable bootable bool #f)
   (mode mode (enum vbd_mode) "RW")
   (type type (enum vbd_type) "Disk")
   (empty empty bool #f)
   (other-config other_config (map string string) '())
   (qos-algorithm-type qos_algorithm_type string "")
   (qos-algorithm-params qos_algorithm_params (map string string) '()))
  "Return a new VBD, through which VM has VDI as disk USERDEVICE, a number as a
string or \"autodetect\".  A CD drive may be EMPTY and is read only.")

(define-xapi-constructor xapi-vif-create "VIF.create"
  ((device device string "0")
   (network network (ref network) *needed*)
   (vm VM (ref VM) *needed*)
   (mac MAC string "")
   (mtu MTU int 1500)
   (other-config other_config (map string string) '())
   (qos-algorithm-type qos_algorithm_type string "")
   (qos-algorithm-params qos_algorithm_params (map string string) '()))
  "Return a new interface of VM on NETWORK, its DEVICE-th.  The host makes up a MAC
where it is \"\".")
