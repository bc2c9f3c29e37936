// #embed (C23) puts a file's bytes into the object as they are, in no time and followed by the build's
// dependencies. Swift's own embedding of resources writes an array literal: 20 s for 100 KB.
#include "pages.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char tickerfeed_js[] = {
#embed "pages/tickerfeed.js"
};
static const unsigned char index_html[] = {
#embed "pages/index.html"
};
static const unsigned char dashboard_css[] = {
#embed "pages/dashboard.css"
};
static const unsigned char dashboard_js[] = {
#embed "pages/dashboard.js"
};
static const unsigned char address_js[] = {
#embed "pages/address.js"
};
static const unsigned char chart_js[] = {
#embed "pages/chart.js"
};
static const unsigned char connection_js[] = {
#embed "pages/connection.js"
};
static const unsigned char format_js[] = {
#embed "pages/format.js"
};
static const unsigned char frame_js[] = {
#embed "pages/frame.js"
};
static const unsigned char keys_js[] = {
#embed "pages/keys.js"
};
static const unsigned char lab_js[] = {
#embed "pages/lab.js"
};
static const unsigned char ladder_js[] = {
#embed "pages/ladder.js"
};
static const unsigned char lists_js[] = {
#embed "pages/lists.js"
};
static const unsigned char market_js[] = {
#embed "pages/market.js"
};
static const unsigned char replay_js[] = {
#embed "pages/replay.js"
};
static const unsigned char symbol_js[] = {
#embed "pages/symbol.js"
};
static const unsigned char tape_js[] = {
#embed "pages/tape.js"
};
static const unsigned char watchlist_js[] = {
#embed "pages/watchlist.js"
};
static const unsigned char icon_svg[] = {
#embed "pages/icon.svg"
};

#define PAGE(name, bytes) {name, bytes, sizeof bytes}

static const struct tf_page pages[] = {
    PAGE("tickerfeed.js", tickerfeed_js),
    PAGE("index.html", index_html),
    PAGE("dashboard.css", dashboard_css),
    PAGE("dashboard.js", dashboard_js),
    PAGE("address.js", address_js),
    PAGE("chart.js", chart_js),
    PAGE("connection.js", connection_js),
    PAGE("format.js", format_js),
    PAGE("frame.js", frame_js),
    PAGE("keys.js", keys_js),
    PAGE("lab.js", lab_js),
    PAGE("ladder.js", ladder_js),
    PAGE("lists.js", lists_js),
    PAGE("market.js", market_js),
    PAGE("replay.js", replay_js),
    PAGE("symbol.js", symbol_js),
    PAGE("tape.js", tape_js),
    PAGE("watchlist.js", watchlist_js),
    PAGE("icon.svg", icon_svg),
};

size_t tf_page_count(void) { return sizeof pages / sizeof *pages; }
const struct tf_page *tf_page_at(size_t index) { return &pages[index]; }
