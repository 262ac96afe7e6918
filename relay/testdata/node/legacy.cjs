// Sends N track calls with the unmodified old analytics-node: HOST N
const Analytics = require('analytics-node')
const [host, n] = [process.argv[2], Number(process.argv[3])]
const client = new Analytics('till-1', { host, flushAt: 20 })
let left = n
for (let i = 0; i < n; i++) {
  client.track({
    userId: 1000 + i, event: 'Order Completed', messageId: `legacy-${i}`,
    properties: { order_id: `legacy-${i}`, revenue: 39.95, currency: 'USD' },
    context: { traits: { email: `person.${i}@example.com` } },
  }, (err) => {
    if (err) { console.error(err); process.exitCode = 1 }
    if (--left === 0) { console.log('done'); setTimeout(() => process.exit(), 100) }
  })
}
client.flush()
