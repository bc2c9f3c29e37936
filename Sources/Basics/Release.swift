// The project's version, as `--version`, the welcome and the metrics say it.

public enum Release {
    public static let number = "0.1.0"
}
