// SPDX-License-Identifier: LGPL-2.1-or-later
// device=FAKE, FAKE.1 to FAKE.3: the CPU, with faults. In programs of the tests alone, which take
// the devices of tests/fake_plugin.cpp in place of devices/device_table.cpp. True results, in real
// time; by device-options
//
//     FAKE.1.delay=2000         each request takes at least so many microseconds, one after another
//     FAKE.1.jitter=500         and up to so many more
//     FAKE.1.fail=3             the third request fails (the two that MULTI and AUTO begin with do
//     not count) FAKE.1.hang=3             the third and those behind it are not answered, until
//     fake_plugin::let_go() FAKE.1.lost=3-9           the third to the ninth fail
//     FAKE.1.compile-error=why  it cannot have any model
#pragma once

namespace fake_plugin {

void let_go();

} // namespace fake_plugin
