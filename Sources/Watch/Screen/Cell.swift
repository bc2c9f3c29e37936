// One place of the screen: a character in a role.

public struct Cell: Hashable, Sendable {
    /// 0 in the right half of a wide character.
    public var scalar: UInt32
    public var role: Role
    /// The line of the cursor.
    public var isSelected: Bool

    public init(_ scalar: Unicode.Scalar = " ", _ role: Role = .plain, isSelected: Bool = false) {
        self.scalar = scalar.value
        self.role = role
        self.isSelected = isSelected
    }

    init(raw scalar: UInt32, _ role: Role) {
        self.scalar = scalar
        self.role = role
        isSelected = false
    }

    public static let blank = Cell()
}
