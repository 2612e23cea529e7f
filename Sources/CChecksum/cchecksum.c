#include "cchecksum.h"
int cchecksum_placeholder(void){return 0;}
