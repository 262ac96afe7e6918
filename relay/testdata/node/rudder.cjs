// Sends N track calls with the unmodified @rudderstack/rudder-sdk-node: HOST N
const Rudder = require('@rudderstack/rudder-sdk-node')
const [host, n] = [process.argv[2], Number(process.argv[3])]
const client = new Rudder('till-1', { dataPlaneUrl: host, flushAt: 20 })
let left = n
for (let i = 0; i < n; i++) {
  client.track({
    userId: `loyal-${i}`, event: 'Order Completed', messageId: `rudder-${i}`,
    properties: { order_id: `rudder-${i}`, revenue: 39.95, currency: 'USD' },
    context: { traits: { email: `person.${i}@example.com` } },
  }, (err) => {
    if (err) { console.error(err); process.exitCode = 1 }
    if (--left === 0) { console.log('done'); setTimeout(() => process.exit(), 100) }
  })
}
client.flush()
