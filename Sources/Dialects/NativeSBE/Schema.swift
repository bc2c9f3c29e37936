// The schema as the server hands it out at /v1/schema.xml: `tickerfeed.sbe.xml`, byte for byte.
//
// A copy, so that a binary needs no file beside it. `SchemaTests` says when the two part; then copy
// the file in here again.

extension NativeSBE {
    /// The text of `tickerfeed.sbe.xml`.
    public static let schema = #"""
        <?xml version="1.0" encoding="UTF-8" standalone="yes"?>
        <!-- TickerFeed's binary stream: Simple Binary Encoding 1.0 of the FIX Trading Community.
             Served by tickerd at /v1/schema.xml. docs/PROTOCOL.md says what the messages mean. -->
        <sbe:messageSchema xmlns:sbe="http://fixprotocol.io/2016/sbe"
            package="tickerfeed" id="7400" version="1" semanticVersion="1.0" byteOrder="littleEndian"
            headerType="messageHeader"
            description="Market data as state with a version. One frame holds one message or several back to back, each with its header. Later versions add fields at the end of blocks and of group entries, and templates without groups: whoever skips by block length can read on.">
            <types>
                <composite name="messageHeader" description="Before every message.">
                    <type name="blockLength" primitiveType="uint16" description="Bytes of the block behind this header, groups not counted."/>
                    <type name="templateId" primitiveType="uint16" description="Which message."/>
                    <type name="schemaId" primitiveType="uint16" description="7400."/>
                    <type name="version" primitiveType="uint16" description="Of the schema that the writer knows."/>
                </composite>
                <composite name="groupSizeEncoding" description="Before the entries of a repeating group.">
                    <type name="blockLength" primitiveType="uint16" description="Bytes of an entry."/>
                    <type name="numInGroup" primitiveType="uint16" description="Entries."/>
                </composite>
                <composite name="Price" semanticType="Price" description="A price: mantissa times 1e-9 of the quote currency.">
                    <type name="mantissa" primitiveType="int64" minValue="-9223372036854775808"/>
                    <type name="exponent" primitiveType="int8" presence="constant">-9</type>
                </composite>
                <composite name="PriceOrNull" semanticType="Price" description="A price that may be missing.">
                    <type name="mantissa" primitiveType="int64" presence="optional" nullValue="-9223372036854775808"/>
                    <type name="exponent" primitiveType="int8" presence="constant">-9</type>
                </composite>
                <composite name="Size" semanticType="Qty" description="A quantity: mantissa times 1e-8 of a share, coin or contract.">
                    <type name="mantissa" primitiveType="int64" minValue="-9223372036854775808"/>
                    <type name="exponent" primitiveType="int8" presence="constant">-8</type>
                </composite>
                <composite name="SizeOrNull" semanticType="Qty" description="A quantity that may be missing, or a sum of quantities: null when it does not fit into 64 bits.">
                    <type name="mantissa" primitiveType="int64" presence="optional" nullValue="-9223372036854775808"/>
                    <type name="exponent" primitiveType="int8" presence="constant">-8</type>
                </composite>
                <type name="Timestamp" primitiveType="int64" minValue="-9223372036854775808" semanticType="UTCTimestamp" description="Nanoseconds since 1970-01-01, UTC."/>
                <type name="Sequence" primitiveType="uint64" maxValue="18446744073709551615" semanticType="SeqNum" description="A version of one symbol's one channel."/>
                <type name="SymbolId" primitiveType="uint32" maxValue="4294967295" description="A number that a Symbol message on this connection has bound to a name."/>
                <type name="Count" primitiveType="uint64" maxValue="18446744073709551615" description="A number of trades."/>
                <type name="CountOrNull" primitiveType="uint64" presence="optional" nullValue="0" description="A number of trades, 0 where it says nothing."/>
                <type name="TradeId" primitiveType="uint64" presence="optional" nullValue="0" description="The source's number of a trade, 0 where it has none."/>
                <type name="Checksum" primitiveType="uint32" maxValue="4294967295" description="CRC-32 as zlib's crc32."/>
                <type name="Lot" primitiveType="uint32" presence="optional" nullValue="0" description="Shares in a round lot, 0 where the source does not say."/>
                <type name="Name" primitiveType="char" length="24" description="A symbol's name: 1 to 24 bytes, zeros behind."/>
                <type name="Reason" primitiveType="char" length="4" description="The exchange's reason, zeros behind: LUDP, T1."/>
                <set name="Flags" encodingType="uint32" description="What else is to be known of a data message. Ignore bits without a name.">
                    <choice name="snapshot" description="The whole state: the first message of a subscription, or a new start.">0</choice>
                    <choice name="crossed" description="The source's bid is above its ask.">1</choice>
                    <choice name="closed" description="The bar's interval is over.">2</choice>
                    <choice name="crc" description="The field crc says something.">3</choice>
                </set>
                <enum name="Aggressor" encodingType="uint8" description="Whose order made the trade; null where the source does not say.">
                    <validValue name="buy" description="A buyer took an offer.">1</validValue>
                    <validValue name="sell" description="A seller hit a bid.">2</validValue>
                </enum>
                <enum name="Interval" encodingType="uint8" description="How long a bar lasts.">
                    <validValue name="second" description="1s">0</validValue>
                    <validValue name="minute" description="1m">1</validValue>
                </enum>
                <enum name="Market" encodingType="uint8" description="The market's word on a symbol.">
                    <validValue name="closed">0</validValue>
                    <validValue name="trading">1</validValue>
                    <validValue name="halted">2</validValue>
                    <validValue name="paused">3</validValue>
                    <validValue name="auction">4</validValue>
                </enum>
                <enum name="Feed" encodingType="uint8" description="How far what the feed says of a symbol can be trusted.">
                    <validValue name="live">0</validValue>
                    <validValue name="quiet" description="Less is heard than usual.">1</validValue>
                    <validValue name="stale" description="Nothing is heard where something should be.">2</validValue>
                    <validValue name="suspect" description="A gap in the source has not been mended.">3</validValue>
                </enum>
            </types>

            <sbe:message name="Quote" id="1" blockLength="64" description="The best bid and offer. A missing side is null in price and size.">
                <field name="prev" id="1" type="Sequence" offset="0" description="The seq this subscription was sent before; 0 on a snapshot."/>
                <field name="symbol" id="2" type="SymbolId" offset="8"/>
                <field name="flags" id="3" type="Flags" offset="12"/>
                <field name="seq" id="4" type="Sequence" offset="16" description="The version this message brings."/>
                <field name="ts" id="5" type="Timestamp" offset="24" description="The source's time of the event."/>
                <field name="bid" id="6" type="PriceOrNull" offset="32"/>
                <field name="bidSize" id="7" type="SizeOrNull" offset="40"/>
                <field name="ask" id="8" type="PriceOrNull" offset="48"/>
                <field name="askSize" id="9" type="SizeOrNull" offset="56"/>
            </sbe:message>

            <sbe:message name="Trade" id="2" blockLength="81" description="One trade, or the last of several that were merged (mode latest): then size is their sum and count, high and low are there.">
                <field name="prev" id="1" type="Sequence" offset="0" description="The seq this subscription was sent before; 0 on a snapshot."/>
                <field name="symbol" id="2" type="SymbolId" offset="8"/>
                <field name="flags" id="3" type="Flags" offset="12"/>
                <field name="seq" id="4" type="Sequence" offset="16" description="The version this message brings."/>
                <field name="ts" id="5" type="Timestamp" offset="24" description="The source's time of the event."/>
                <field name="price" id="6" type="Price" offset="32"/>
                <field name="size" id="7" type="SizeOrNull" offset="40" description="Null only for a sum beyond 64 bits."/>
                <field name="tradeId" id="8" type="TradeId" offset="48"/>
                <field name="count" id="9" type="CountOrNull" offset="56" description="Trades merged into this one; null on a single trade."/>
                <field name="high" id="10" type="PriceOrNull" offset="64" description="The highest price merged; null on a single trade."/>
                <field name="low" id="11" type="PriceOrNull" offset="72" description="The lowest price merged; null on a single trade."/>
                <field name="side" id="12" type="Aggressor" presence="optional" offset="80" description="The aggressor's side."/>
            </sbe:message>

            <sbe:message name="Book" id="3" blockLength="36" description="Price levels: all within the depth, best first, on a snapshot; else those that changed since prev, where size 0 removes one.">
                <field name="prev" id="1" type="Sequence" offset="0" description="The seq this subscription was sent before; 0 on a snapshot."/>
                <field name="symbol" id="2" type="SymbolId" offset="8"/>
                <field name="flags" id="3" type="Flags" offset="12"/>
                <field name="seq" id="4" type="Sequence" offset="16" description="The version this message brings."/>
                <field name="ts" id="5" type="Timestamp" offset="24" description="The source's time of the event."/>
                <field name="crc" id="6" type="Checksum" offset="32" description="Of the reader's own book after this message, where the flag crc says so; else 0."/>
                <group name="bids" id="7" dimensionType="groupSizeEncoding" blockLength="16">
                    <field name="price" id="1" type="Price" offset="0"/>
                    <field name="size" id="2" type="Size" offset="8"/>
                </group>
                <group name="asks" id="8" dimensionType="groupSizeEncoding" blockLength="16">
                    <field name="price" id="1" type="Price" offset="0"/>
                    <field name="size" id="2" type="Size" offset="8"/>
                </group>
            </sbe:message>

            <sbe:message name="Bar" id="4" blockLength="97" description="An interval's trades. The flag closed says that the bar is final.">
                <field name="prev" id="1" type="Sequence" offset="0" description="The seq this subscription was sent before; 0 on a snapshot."/>
                <field name="symbol" id="2" type="SymbolId" offset="8"/>
                <field name="flags" id="3" type="Flags" offset="12"/>
                <field name="seq" id="4" type="Sequence" offset="16" description="The version this message brings."/>
                <field name="ts" id="5" type="Timestamp" offset="24" description="The last trade's time, or the interval's end."/>
                <field name="start" id="6" type="Timestamp" offset="32" description="When the interval began."/>
                <field name="open" id="7" type="Price" offset="40"/>
                <field name="high" id="8" type="Price" offset="48"/>
                <field name="low" id="9" type="Price" offset="56"/>
                <field name="close" id="10" type="Price" offset="64"/>
                <field name="volume" id="11" type="SizeOrNull" offset="72" description="Null only beyond 64 bits."/>
                <field name="vwap" id="12" type="PriceOrNull" offset="80" description="Volume-weighted average price, half to even; null without volume."/>
                <field name="count" id="13" type="Count" offset="88"/>
                <field name="interval" id="14" type="Interval" offset="96"/>
            </sbe:message>

            <sbe:message name="Stats" id="5" blockLength="96" description="The day so far, from its trades.">
                <field name="prev" id="1" type="Sequence" offset="0" description="The seq this subscription was sent before; 0 on a snapshot."/>
                <field name="symbol" id="2" type="SymbolId" offset="8"/>
                <field name="flags" id="3" type="Flags" offset="12"/>
                <field name="seq" id="4" type="Sequence" offset="16" description="The version this message brings: the last trade's."/>
                <field name="ts" id="5" type="Timestamp" offset="24" description="The source's time of the event."/>
                <field name="open" id="6" type="Price" offset="32"/>
                <field name="high" id="7" type="Price" offset="40"/>
                <field name="low" id="8" type="Price" offset="48"/>
                <field name="last" id="9" type="Price" offset="56"/>
                <field name="change" id="10" type="Price" offset="64" description="Last against the day's first trade."/>
                <field name="volume" id="11" type="SizeOrNull" offset="72" description="Null only beyond 64 bits."/>
                <field name="vwap" id="12" type="PriceOrNull" offset="80" description="Volume-weighted average price, half to even; null without volume."/>
                <field name="count" id="13" type="Count" offset="88"/>
            </sbe:message>

            <sbe:message name="Status" id="6" blockLength="38" description="The market's word and the feed's.">
                <field name="prev" id="1" type="Sequence" offset="0" description="The seq this subscription was sent before; 0 on a snapshot."/>
                <field name="symbol" id="2" type="SymbolId" offset="8"/>
                <field name="flags" id="3" type="Flags" offset="12"/>
                <field name="seq" id="4" type="Sequence" offset="16" description="The version this message brings."/>
                <field name="ts" id="5" type="Timestamp" offset="24" description="The source's time of the event."/>
                <field name="market" id="6" type="Market" offset="32"/>
                <field name="feed" id="7" type="Feed" offset="33"/>
                <field name="reason" id="8" type="Reason" offset="34"/>
            </sbe:message>

            <sbe:message name="Symbol" id="7" blockLength="40" description="Binds a number to a name, before its first use on a connection.">
                <field name="symbol" id="1" type="SymbolId" offset="0"/>
                <field name="lot" id="2" type="Lot" offset="4"/>
                <field name="priceIncrement" id="3" type="PriceOrNull" offset="8" description="The smallest step of a price; null where the source does not say."/>
                <field name="name" id="4" type="Name" offset="16"/>
            </sbe:message>

            <sbe:message name="Stamps" id="8" blockLength="16" description="Follows a data message in its frame where stamps were asked for.">
                <field name="recv" id="1" type="Timestamp" offset="0" description="When the server's ingest had it, by the server's clock."/>
                <field name="sent" id="2" type="Timestamp" offset="8" description="When it was given to the socket, by the server's clock."/>
            </sbe:message>

            <sbe:message name="TradeBreak" id="9" blockLength="56" sinceVersion="1" description="A trade taken back by its source: a version of the trade channel, and no trade.">
                <field name="prev" id="1" type="Sequence" offset="0" description="The seq this subscription was sent before; 0 on a snapshot."/>
                <field name="symbol" id="2" type="SymbolId" offset="8"/>
                <field name="flags" id="3" type="Flags" offset="12"/>
                <field name="seq" id="4" type="Sequence" offset="16" description="The version this message brings."/>
                <field name="ts" id="5" type="Timestamp" offset="24" description="When it was taken back, by the source's clock."/>
                <field name="tradeId" id="6" type="TradeId" offset="32" description="The trade's."/>
                <field name="price" id="7" type="PriceOrNull" offset="40" description="The trade's; null where the source does not say."/>
                <field name="size" id="8" type="SizeOrNull" offset="48" description="The trade's; null where the source does not say."/>
            </sbe:message>
        </sbe:messageSchema>

        """#
}
