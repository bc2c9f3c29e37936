// Lines for `tickerd --feed -` from a MongoDB change stream: a document each time one is inserted or replaced.
//
//   mongosh --quiet "mongodb://db.example/market?replicaSet=rs0" feeds/recipes/mongodb.js | tickerd --feed -
//
// Not run here. The documents of `ticks` are lines of docs/FEEDS.md as they are, `_id` is passed over. First the
// newest quote of each symbol, from `quotes`, then what changes; the driver comes back by itself and goes on from its
// resume token as long as the oplog reaches back to it, and the script ends where it does not.

const changes = db.ticks.watch(
    [{ $match: { operationType: { $in: ["insert", "replace", "update"] } } }], { fullDocument: "updateLookup" })

function say(document) {
    delete document._id
    // Relaxed: numbers as numbers. Decimal128 and Long become objects, so keep prices as strings.
    print(EJSON.stringify(document, { relaxed: true }))
}

db.quotes.find().forEach(say)
while (!changes.isClosed()) {
    const change = changes.tryNext()
    if (change && change.fullDocument) say(change.fullDocument)
}
quit(1)
