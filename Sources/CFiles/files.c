// #embed (C23) puts a file's bytes into the object as they are, in no time and followed by the build's
// dependencies. Swift's own embedding of resources writes an array literal: 20 s for 100 KB.
#include "files.h"

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
static const unsigned char schema_xml[] = {
#embed "../Dialects/NativeSBE/tickerfeed.sbe.xml"
};
static const unsigned char default_day[] = {
#embed "../../feeds/scenarios/default.scenario"
};
static const unsigned char quiet_day[] = {
#embed "../../feeds/scenarios/quiet-day.scenario"
};
static const unsigned char opening_auction[] = {
#embed "../../feeds/scenarios/opening-auction.scenario"
};
static const unsigned char burst[] = {
#embed "../../feeds/scenarios/burst.scenario"
};
static const unsigned char flash_crash[] = {
#embed "../../feeds/scenarios/flash-crash.scenario"
};
static const unsigned char feed_gap[] = {
#embed "../../feeds/scenarios/feed-gap.scenario"
};
static const unsigned char many_symbols[] = {
#embed "../../feeds/scenarios/8000-symbols.scenario"
};
static const unsigned char uniform[] = {
#embed "../../feeds/scenarios/uniform.scenario"
};

#define FILE(name, bytes) {name, bytes, sizeof bytes}

static const struct tf_file files[] = {
    FILE("pages/tickerfeed.js", tickerfeed_js),
    FILE("pages/index.html", index_html),
    FILE("pages/dashboard.css", dashboard_css),
    FILE("pages/dashboard.js", dashboard_js),
    FILE("pages/address.js", address_js),
    FILE("pages/chart.js", chart_js),
    FILE("pages/connection.js", connection_js),
    FILE("pages/format.js", format_js),
    FILE("pages/frame.js", frame_js),
    FILE("pages/keys.js", keys_js),
    FILE("pages/lab.js", lab_js),
    FILE("pages/ladder.js", ladder_js),
    FILE("pages/lists.js", lists_js),
    FILE("pages/market.js", market_js),
    FILE("pages/replay.js", replay_js),
    FILE("pages/symbol.js", symbol_js),
    FILE("pages/tape.js", tape_js),
    FILE("pages/watchlist.js", watchlist_js),
    FILE("pages/icon.svg", icon_svg),
    FILE("schema.xml", schema_xml),
    FILE("scenarios/default.scenario", default_day),
    FILE("scenarios/quiet-day.scenario", quiet_day),
    FILE("scenarios/opening-auction.scenario", opening_auction),
    FILE("scenarios/burst.scenario", burst),
    FILE("scenarios/flash-crash.scenario", flash_crash),
    FILE("scenarios/feed-gap.scenario", feed_gap),
    FILE("scenarios/8000-symbols.scenario", many_symbols),
    FILE("scenarios/uniform.scenario", uniform),
};

size_t tf_file_count(void) { return sizeof files / sizeof *files; }
const struct tf_file *tf_file_at(size_t index) { return &files[index]; }
