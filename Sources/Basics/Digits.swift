// Decimal digits, three at a time: numbers as text in one to five nanoseconds.
//
//     1 | 340 | 285 | 400 | 004 | 241 | 176      thousands, each an entry of one table
//
// Four bytes are copied for each three digits, and the pen moves by as many as count: an integer's
// leading zeros are not read, a fraction's trailing zeros are left behind. What is rare and long is
// out of line and takes the place by value, so that a pen stays in a register.

extension Pen {
    /// Decimal digits, at most 20.
    @inlinable @inline(__always)
    public mutating func unsigned(_ value: UInt64) {
        if value < 1_000 {
            at = Digits.three(UInt32(truncatingIfNeeded: value), to: at)
        } else if value < 1_000_000 {
            at = Digits.six(UInt32(truncatingIfNeeded: value), to: at)
        } else {
            at = Digits.long(value, to: at)
        }
    }

    /// Decimal digits with a minus sign where there is one, at most 20.
    @inlinable @inline(__always)
    public mutating func integer(_ value: Int64) { unsigned(sign(value)) }

    /// Writes the minus sign where there is one.
    ///
    /// - Returns: the magnitude, which `value.magnitude` would compute once more each time.
    @inlinable @inline(__always)
    mutating func sign(_ value: Int64) -> UInt64 {
        let bits = UInt64(bitPattern: value)
        guard value < 0 else { return bits }
        byte(UInt8(ascii: "-"))
        return 0 &- bits
    }

    /// A fixed-point number in its shortest exact form: no trailing zeros, no exponent.
    ///
    /// `decimals` is the number of implied decimals, 0...18. At most 21 bytes. Prices (9) and
    /// quantities (8) are fast.
    @inlinable @inline(__always)
    public mutating func decimal(_ value: Int64, decimals: Int) {
        let magnitude = sign(value)
        switch decimals {
        case 9:
            let whole = magnitude / 1_000_000_000
            unsigned(whole)
            let rest = magnitude &- whole &* 1_000_000_000
            if rest != 0 { at = Digits.fraction(UInt32(truncatingIfNeeded: rest), to: at) }
        case 8:
            let whole = magnitude / 100_000_000
            unsigned(whole)
            let rest = magnitude &- whole &* 100_000_000
            if rest != 0 { at = Digits.fraction(UInt32(truncatingIfNeeded: rest &* 10), to: at) }
        default: at = Digits.decimal(magnitude, decimals: decimals, to: at)
        }
    }

    /// How many decimal digits `value` has: 1 for 0.
    @inlinable @inline(__always)
    public static func digitCount(_ value: UInt64) -> Int {
        value < 10_000 ? Digits.count(four: value) : Digits.count(value)
    }
}

/// Numbers at a place in memory. Each function returns where the number ends, and may change as much as
/// `Pen.slack` bytes behind it.
@usableFromInline
enum Digits {
    @usableFromInline typealias Place = UnsafeMutablePointer<UInt8>

    /// Three digits of a number below 1,000, but for `skipped` at the front, and a byte of anything.
    @inlinable @inline(__always)
    static func word(_ value: UInt32, skipping skipped: Int = 0) -> UInt32 {
        UnsafeRawPointer(table.utf8Start)
            .loadUnaligned(fromByteOffset: Int(value) &* 3 &+ skipped, as: UInt32.self)
    }

    @inlinable @inline(__always)
    static func put(_ word: UInt32, at place: Place) {
        UnsafeMutableRawPointer(place).storeBytes(of: word, as: UInt32.self)
    }

    /// Below 1,000, without leading zeros.
    @inlinable @inline(__always)
    static func three(_ value: UInt32, to place: Place) -> Place {
        let count = 1 &+ (value >= 10 ? 1 : 0) &+ (value >= 100 ? 1 : 0)
        put(word(value, skipping: 3 &- count), at: place)
        return place + count
    }

    /// From 1,000 to 999,999.
    @inlinable @inline(__always)
    static func six(_ value: UInt32, to place: Place) -> Place {
        let high = value / 1_000
        let middle = three(high, to: place)
        put(word(value &- high &* 1_000), at: middle)
        return middle + 3
    }

    /// Below 10^9, all nine digits.
    @inlinable @inline(__always)
    static func nine(_ value: UInt32, to place: Place) -> Place {
        let high = value / 1_000_000
        let rest = value &- high &* 1_000_000
        let middle = rest / 1_000
        put(word(high), at: place)
        put(word(middle), at: place + 3)
        put(word(rest &- middle &* 1_000), at: place + 6)
        return place + 9
    }

    /// Any number, without leading zeros.
    @usableFromInline
    static func long(_ value: UInt64, to place: Place) -> Place {
        guard value < 1_000_000_000 else { return longer(value, to: place) }
        if value < 1_000 { return three(UInt32(value), to: place) }
        if value < 1_000_000 { return six(UInt32(value), to: place) }
        let high = UInt32(truncatingIfNeeded: value) / 1_000_000
        let rest = UInt32(truncatingIfNeeded: value) &- high &* 1_000_000
        let middle = rest / 1_000
        let end = three(high, to: place)
        put(word(middle), at: end)
        put(word(rest &- middle &* 1_000), at: end + 3)
        return end + 6
    }

    /// At least ten digits: a time in nanoseconds has nineteen.
    private static func longer(_ value: UInt64, to place: Place) -> Place {
        let high = value / 1_000_000_000
        let rest = UInt32(truncatingIfNeeded: value &- high &* 1_000_000_000)
        guard high >= 1_000_000_000 else { return nine(rest, to: long(high, to: place)) }
        let top = high / 1_000_000_000
        let end = three(UInt32(truncatingIfNeeded: top), to: place)
        return nine(rest, to: nine(UInt32(truncatingIfNeeded: high &- top &* 1_000_000_000), to: end))
    }

    /// A point and the nine digits of `rest`, not 0, but for zeros at the end.
    @inlinable @inline(__always)
    static func fraction(_ rest: UInt32, to place: Place) -> Place {
        // Most prices have three decimals at most.
        let thousandths = rest / 1_000_000
        guard thousandths &* 1_000_000 == rest else { return longFraction(rest, to: place) }
        let digits = UInt32(littleEndian: word(thousandths)) << 8
        put((digits | UInt32(UInt8(ascii: "."))).littleEndian, at: place)
        // "0" is 0x30: bits of the last digit that is none tell how many are behind it.
        return place + (4 &- (digits & 0x0f0f_0f00).leadingZeroBitCount / 8)
    }

    @usableFromInline
    static func longFraction(_ rest: UInt32, to place: Place) -> Place {
        place.pointee = UInt8(ascii: ".")
        return withoutZeros(nine(rest, to: place + 1))
    }

    private static func withoutZeros(_ end: Place) -> Place {
        var end = end
        while end[-1] == UInt8(ascii: "0") { end -= 1 }
        return end
    }

    @usableFromInline
    static func decimal(_ magnitude: UInt64, decimals: Int, to place: Place) -> Place {
        precondition((0...18).contains(decimals))
        let scale = (0..<decimals).reduce(UInt64(1)) { power, _ in power * 10 }
        let (whole, rest) = magnitude.quotientAndRemainder(dividingBy: scale)
        let point = long(whole, to: place)
        guard rest != 0 else { return point }
        // 1.0042 has the digits of 0.0042, and a 1 where the point goes.
        let end = long(scale + rest, to: point)
        point.pointee = UInt8(ascii: ".")
        return withoutZeros(end)
    }

    /// How many digits a number below 10,000 has, by comparing alone.
    @inlinable @inline(__always)
    static func count(four value: UInt64) -> Int {
        1 &+ (value >= 10 ? 1 : 0) &+ (value >= 100 ? 1 : 0) &+ (value >= 1_000 ? 1 : 0)
    }

    @usableFromInline
    static func count(_ value: UInt64) -> Int {
        var count = 0, rest = value
        while rest >= 10_000 {
            rest /= 10_000
            count += 4
        }
        return count + self.count(four: rest)
    }

    /// 000 to 999. A literal is constant memory, found without asking whether it has been made yet; the
    /// zero that ends it makes the last entry four bytes long like all others.
    @inlinable
    static var table: StaticString {
        """
        000001002003004005006007008009010011012013014015016017018019020021022023024025026027028029\
        030031032033034035036037038039040041042043044045046047048049050051052053054055056057058059\
        060061062063064065066067068069070071072073074075076077078079080081082083084085086087088089\
        090091092093094095096097098099100101102103104105106107108109110111112113114115116117118119\
        120121122123124125126127128129130131132133134135136137138139140141142143144145146147148149\
        150151152153154155156157158159160161162163164165166167168169170171172173174175176177178179\
        180181182183184185186187188189190191192193194195196197198199200201202203204205206207208209\
        210211212213214215216217218219220221222223224225226227228229230231232233234235236237238239\
        240241242243244245246247248249250251252253254255256257258259260261262263264265266267268269\
        270271272273274275276277278279280281282283284285286287288289290291292293294295296297298299\
        300301302303304305306307308309310311312313314315316317318319320321322323324325326327328329\
        330331332333334335336337338339340341342343344345346347348349350351352353354355356357358359\
        360361362363364365366367368369370371372373374375376377378379380381382383384385386387388389\
        390391392393394395396397398399400401402403404405406407408409410411412413414415416417418419\
        420421422423424425426427428429430431432433434435436437438439440441442443444445446447448449\
        450451452453454455456457458459460461462463464465466467468469470471472473474475476477478479\
        480481482483484485486487488489490491492493494495496497498499500501502503504505506507508509\
        510511512513514515516517518519520521522523524525526527528529530531532533534535536537538539\
        540541542543544545546547548549550551552553554555556557558559560561562563564565566567568569\
        570571572573574575576577578579580581582583584585586587588589590591592593594595596597598599\
        600601602603604605606607608609610611612613614615616617618619620621622623624625626627628629\
        630631632633634635636637638639640641642643644645646647648649650651652653654655656657658659\
        660661662663664665666667668669670671672673674675676677678679680681682683684685686687688689\
        690691692693694695696697698699700701702703704705706707708709710711712713714715716717718719\
        720721722723724725726727728729730731732733734735736737738739740741742743744745746747748749\
        750751752753754755756757758759760761762763764765766767768769770771772773774775776777778779\
        780781782783784785786787788789790791792793794795796797798799800801802803804805806807808809\
        810811812813814815816817818819820821822823824825826827828829830831832833834835836837838839\
        840841842843844845846847848849850851852853854855856857858859860861862863864865866867868869\
        870871872873874875876877878879880881882883884885886887888889890891892893894895896897898899\
        900901902903904905906907908909910911912913914915916917918919920921922923924925926927928929\
        930931932933934935936937938939940941942943944945946947948949950951952953954955956957958959\
        960961962963964965966967968969970971972973974975976977978979980981982983984985986987988989\
        990991992993994995996997998999
        """
    }
}
