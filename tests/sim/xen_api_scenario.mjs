// A whole scenario with Xen Orchestra's client: event loop, object cache,
// asynchronous calls, disk upload.
// Arguments: CLIENT TRANSPORT URL USER PASSWORD-FILE VM-UUID SR-UUID NETWORK-UUID.
//
// Prints one line a step; anything else than `done` at the end is a failure.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'

const [client, transport, url, user, passwordFile, vmUuid, srUuid, networkUuid] = process.argv.slice(2)
const { createClient } = await import(pathToFileURL(client))
const password = readFileSync(passwordFile, 'utf8').trim()

setTimeout(() => { console.error('the scenario hangs'); process.exit(1) }, 60e3).unref()

// 1. Log in, and fetch every object by events.
const xapi = createClient({
  allowUnauthorized: true, auth: { user, password }, transport, url, debounce: 10, eventPollDelay: 500,
})
await xapi.connect()
await xapi.objectsFetched
const vm = xapi.getObjectByUuid(vmUuid)
assert.equal(vm.power_state, 'Halted')
assert.equal(Number(vm.VCPUs_max), 2) // XML-RPC integers are strings
assert.equal(xapi.getObjectByUuid(srUuid).name_label, 'Local storage')
console.log('fetched')

// 2. Create a disk and a VM.
const sr = xapi.getObjectByUuid(srUuid).$ref
const vdi = await xapi.call('VDI.create', {
  name_label: 'scenario', SR: sr, virtual_size: 4 << 20, type: 'user',
  sharable: false, read_only: false, other_config: {},
})
const template = (await xapi.call('VM.get_by_name_label', 'Other install media'))[0]
const clone = await xapi.callAsync('VM.clone', template, 'scenario')
assert.match(clone, /^OpaqueRef:/)
await xapi.call('VM.provision', clone)
await xapi.call('VBD.create', {
  VM: clone, VDI: vdi, userdevice: '0', bootable: true, mode: 'RW', type: 'Disk',
  empty: false, other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {},
})
await xapi.call('VIF.create', {
  device: '0', network: xapi.getObjectByUuid(networkUuid).$ref, VM: clone, MAC: '', MTU: 1500,
  other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {},
})
assert.equal((await xapi.barrier(clone)).name_label, 'scenario')
console.log('created')

// 3. Upload: as a stream of known length, behind the probe for a redirection.
const content = Buffer.alloc(3 << 20, 'fruix')
const stream = Readable.from([content.subarray(0, 1 << 20), content.subarray(1 << 20)])
stream.length = content.length
const result = await xapi.putResource(stream, '/import_raw_vdi', { query: { format: 'raw', vdi } })
assert.equal(result, vdi)
console.log('uploaded')

// 4. Boot, watch, shut down.
await xapi.callAsync('VM.start', clone, false, false)
assert.equal((await xapi.barrier(clone)).power_state, 'Running')
await assert.rejects(xapi.callAsync('VM.start', clone, false, false), {
  code: 'VM_BAD_POWER_STATE', params: [clone, 'halted', 'running'],
})
await assert.rejects(xapi.call('VDI.destroy', vdi), { code: 'VDI_IN_USE' })
await xapi.callAsync('VM.hard_shutdown', clone)
assert.equal((await xapi.barrier(clone)).power_state, 'Halted')
console.log('booted')

// 5. Set fields, destroy.
await xapi.setFieldEntry('VM', clone, 'other_config', 'a', 'b')
assert.equal((await xapi.barrier(clone)).other_config.a, 'b')
await xapi.callAsync('VM.destroy', clone)
await xapi.callAsync('VDI.destroy', vdi)
await xapi.barrier()
assert.equal(xapi.getObjectByRef(vdi, undefined), undefined)
await xapi.disconnect()
await new Promise(resolve => setTimeout(resolve, 200))
console.log('done')
process.exit(0)
