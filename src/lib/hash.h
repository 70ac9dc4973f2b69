/* uthash, which ends the program with our message and status if there is no memory. */
#ifndef HASH_H
#define HASH_H

#include "error.h"

#define uthash_fatal(message) die("out of memory")
#include <uthash.h>

#endif
