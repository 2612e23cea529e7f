#include "cplatform.h"
int cplatform_placeholder(void){return 0;}
